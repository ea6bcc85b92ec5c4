"""A judge behind any OpenAI-compatible endpoint (`POST <base URL>/chat/completions`): hosted, vLLM, llama.cpp, Ollama.

Prompts are untrusted data. They travel as a JSON array of {"id", "prompt"} in the user message, the policy alone is in
the system message, and a reply counts only if it is exactly the JSON asked for: one verdict for every id sent, no other
id, known labels and categories. Otherwise the batch is halved and asked again; a single prompt without such a reply
is `unsure`. A prompt that speaks to the judge ("ignore previous instructions") is sent alone, so it cannot speak for
others, and is never allowed by the judge: a person decides.

Verdicts are cached as they arrive. HTTP 408, 409, 425, 429 and 5xx, timeouts and broken connections are tried again
with growing pauses (or as long as `Retry-After` says). After the last try the run stops with an error; what was
judged is kept.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from generation.problems import InvalidInput
from generation.progress import progress
from generation.prompts.judges import CATEGORIES, LABELS, POLICY, POLICY_VERSION, Verdict
from generation.prompts.verdicts import VerdictCache

_RETRIED = {408, 409, 425, 429, *range(500, 600)}
_LONGEST_PAUSE = 60.0
_ADDRESSES_THE_JUDGE = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instructions?|rules|prompts?|policy|above|everything)\b"
    r"|\b(?:system prompt|as an ai|you are now|respond with|reply with|answer with|output json|label\W+allow)\b",
    re.IGNORECASE | re.DOTALL,
)
_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["verdicts"],
    "properties": {
        "verdicts": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["id", "label", "category", "reason"],
                "properties": {
                    "id": {"type": "string"},
                    "label": {"type": "string", "enum": list(LABELS)},
                    "category": {"type": "string", "enum": list(CATEGORIES)},
                    "reason": {"type": "string"},
                },
            },
        }
    },
}


class _UnavailableError(Exception):
    """No answer this time; `pause` is the number of seconds the endpoint asks to wait, if it does."""

    def __init__(self, said: str, pause: float | None) -> None:
        super().__init__(said)
        self.pause = pause


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the API key to another host."""

    def redirect_request(self, *arguments: Any) -> None:
        return None


class EndpointJudge:
    """Asks a model for verdicts, `batch` prompts to a request and `workers` requests at a time.

    `base_url` ends before `/chat/completions`. `tries` is how often one request is made in all, `pause` the seconds
    before the second try, doubled each time. Raises InvalidInput when the endpoint refuses or does not answer.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        cache: VerdictCache,
        api_key: str | None = None,
        batch: int = 20,
        workers: int = 4,
        timeout: float = 60,
        tries: int = 5,
        pause: float = 1,
    ) -> None:
        if urllib.parse.urlsplit(base_url).scheme not in ("http", "https"):
            raise InvalidInput(f"{base_url}: is no http(s) address; give one such as http://127.0.0.1:8000/v1")
        self.name = model
        self.policy = POLICY_VERSION
        self._url = base_url.rstrip("/") + "/chat/completions"
        self._cache, self._api_key = cache, api_key
        self._batch, self._workers, self._timeout = batch, workers, timeout
        self._tries, self._pause = tries, pause
        self._opener = urllib.request.build_opener(_NoRedirects)
        self._stopping = threading.Event()

    def judge(self, prompts: Sequence[str]) -> list[Verdict]:
        """One verdict per prompt, in order; those that are cached are not asked for."""
        distinct = list(dict.fromkeys(prompts))
        verdicts = self._cache.get(distinct)
        missing = [prompt for prompt in distinct if prompt not in verdicts]
        batches = list(self._batches(missing))
        label = f"judging {len(missing)} prompts ({len(verdicts)} known)"
        for answers in progress(self._ask_all(batches), total=len(batches), unit="requests", label=label):
            given = {prompt: verdict for prompt, verdict in answers.items() if verdict is not None}
            self._cache.put(given)
            verdicts.update(given)
        # Not kept in the cache: the next run asks again.
        nothing = Verdict("unsure", "ok", "no usable reply", self.name, self.policy)
        return [verdicts.get(prompt, nothing) for prompt in prompts]

    def _ask_all(self, batches: Sequence[list[str]]) -> Iterator[dict[str, Verdict | None]]:
        """Answers as they arrive. At an error or interrupt, what is under way is finished and given first."""
        left = iter(batches)
        running: set[Future[dict[str, Verdict | None]]] = set()
        failure: BaseException | None = None
        self._stopping.clear()
        with ThreadPoolExecutor(self._workers) as pool:
            while True:
                while failure is None and len(running) < self._workers and (batch := next(left, None)):
                    running.add(pool.submit(self._ask, batch))
                if not running:
                    break
                try:
                    finished, running = wait(running, return_when=FIRST_COMPLETED)
                except KeyboardInterrupt as interrupt:
                    failure = interrupt
                    self._stopping.set()
                    continue
                for future in finished:
                    if (error := future.exception()) is not None:
                        failure = failure or error
                        self._stopping.set()
                    else:
                        yield future.result()
        if failure is not None:
            raise failure

    def _batches(self, prompts: Sequence[str]) -> Iterator[list[str]]:
        ordinary = [prompt for prompt in prompts if not _ADDRESSES_THE_JUDGE.search(prompt)]
        for start in range(0, len(ordinary), self._batch):
            yield ordinary[start : start + self._batch]
        yield from ([prompt] for prompt in prompts if _ADDRESSES_THE_JUDGE.search(prompt))

    def _ask(self, batch: Sequence[str]) -> dict[str, Verdict | None]:
        """Verdicts on the batch, None for a prompt to which there is no usable reply."""
        ids = {hashlib.sha256(prompt.encode()).hexdigest()[:10]: prompt for prompt in batch}
        found = _parse(self._post(ids), ids)
        if found is not None:
            return {ids[one]: self._verdict(ids[one], *said) for one, said in found.items()}
        if len(batch) == 1:
            return {batch[0]: None}
        middle = len(batch) // 2
        return self._ask(batch[:middle]) | self._ask(batch[middle:])

    def _verdict(self, prompt: str, label: str, category: str, reason: str) -> Verdict:
        if category == "minors":
            label = "block"
        elif label == "allow" and _ADDRESSES_THE_JUDGE.search(prompt):
            label, reason = "unsure", "speaks to the judge"
        return Verdict(label, category, reason, self.name, self.policy)

    def _post(self, ids: dict[str, str]) -> bytes:
        """The reply's body. Tries again what may pass; raises InvalidInput for the rest."""
        body = json.dumps(self._request(ids)).encode()
        said, attempt = "", 0
        for attempt in range(self._tries):
            try:
                return self._post_once(body)
            except _UnavailableError as error:
                said = str(error)
                pause = self._pause * 2**attempt if error.pause is None else error.pause
            if attempt + 1 == self._tries or self._stopping.wait(min(pause, _LONGEST_PAUSE)):
                break
        raise InvalidInput(
            f"{self._url}: no answer after {attempt + 1} tries ({said}); what was judged so far is kept: run the same "
            "command again later to go on"
        )

    def _request(self, ids: dict[str, str]) -> dict[str, Any]:
        items = [{"id": one, "prompt": prompt} for one, prompt in ids.items()]
        schema = {"name": "verdicts", "strict": True, "schema": _SCHEMA}
        return {
            "model": self.name,
            "temperature": 0,
            "messages": [
                {"role": "system", "content": POLICY},
                {"role": "user", "content": json.dumps({"prompts": items}, ensure_ascii=False)},
            ],
            "response_format": {"type": "json_schema", "json_schema": schema},
        }

    def _post_once(self, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json"}
        if self._api_key:
            headers["Authorization"] = f"Bearer {self._api_key}"
        request = urllib.request.Request(self._url, body, headers)  # noqa: S310 (http and https only, see __init__)
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                content: bytes = response.read()
                return content
        except urllib.error.HTTPError as error:
            with error:
                if error.code not in _RETRIED:
                    raise InvalidInput(self._refusal(error.code, error.read(500))) from None
                wanted = error.headers.get("Retry-After") or ""
                raise _UnavailableError(
                    f"HTTP {error.code} {error.reason}", float(wanted) if wanted.isdecimal() else None
                ) from None
        except (OSError, http.client.HTTPException) as error:
            raise _UnavailableError(str(getattr(error, "reason", error)) or type(error).__name__, None) from None

    def _refusal(self, code: int, body: bytes) -> str:
        fixes = {
            401: "check the API key (--api-key-env)",
            403: "check the API key (--api-key-env)",
            404: "check --base-url (it ends before /chat/completions) and --model",
        }
        text = " ".join(body.decode("utf-8", "replace").split())
        fix = fixes.get(code, "check --base-url and --model; the endpoint must know response_format json_schema")
        return f"{self._url}: HTTP {code}: {text or 'no text'}; {fix}"


def _parse(body: bytes, ids: Iterable[str]) -> dict[str, tuple[str, str, str]] | None:
    """{id: (label, category, reason)} from a reply, None unless it is exactly what was asked for."""
    try:
        content = json.loads(json.loads(body)["choices"][0]["message"]["content"])
        verdicts = content["verdicts"]
        found = {v["id"]: (v["label"], v["category"], v["reason"]) for v in verdicts}
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    well_formed = all(
        label in LABELS and category in CATEGORIES and isinstance(reason, str)
        for label, category, reason in found.values()
    )
    return found if well_formed and len(found) == len(verdicts) and set(found) == set(ids) else None
