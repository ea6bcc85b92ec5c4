"""People at a browser and programs with a token: the public surface of the site, and nothing behind it."""

import csv
import io
import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

from django.test import Client

from challenge.accounts.models import ApiToken, User
from challenge.accounts.services import create_token
from tests.factories import upload


class Form:
    """A form of a page: where it goes, what it holds as it stands, what could be sent with it."""

    def __init__(self, action: str) -> None:
        self.action = action
        self.values: dict[str, list[str]] = {}
        self.names: set[str] = set()

    def hold(self, name: str, value: str) -> None:
        """One more value of a field."""
        self.values.setdefault(name, []).append(value)


class _Forms(HTMLParser):
    """The forms of a page as a browser reads them."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open: Form | None = None
        self._select = ""
        self._text: tuple[str, list[str]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        name, kind = values.get("name", ""), values.get("type", "text")
        if tag == "form":
            self._open = Form(values.get("action", ""))
            self.forms.append(self._open)
        elif self._open is None:
            return
        elif tag == "option":
            if self._select and "selected" in values:
                self._open.hold(self._select, values.get("value", ""))
        elif name:
            self._open.names.add(name)
            if tag == "select":
                self._select = name
            elif tag == "textarea":
                self._text = (name, [])
            elif tag == "input" and kind not in ("submit", "file", "checkbox", "radio"):
                self._open.hold(name, values.get("value", ""))
            elif tag == "input" and "checked" in values:
                self._open.hold(name, values.get("value", "on"))

    def handle_data(self, data: str) -> None:
        if self._text:
            self._text[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._text and self._open:
            self._open.hold(self._text[0], "".join(self._text[1]).removeprefix("\n"))
            self._text = None
        elif tag == "select":
            self._select = ""
        elif tag == "form":
            self._open = None


class Visitor:
    """Somebody who is signed in (or nobody), with a browser and, once asked for, a token."""

    def __init__(self, user: User | None = None) -> None:
        self.user = user
        self.browser = Client()
        self._token = ""
        if user:
            self.browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")

    def look(self, page: str, status: int = 200) -> str:
        """The text of a page."""
        response = self.browser.get(page)
        assert response.status_code == status, (page, response.status_code)
        return response.content.decode()

    def table(self, page: str) -> list[dict[str, str]]:
        """The rows of a CSV download."""
        return list(csv.DictReader(io.StringIO(self.look(page))))

    def invitation(self, page: str) -> str:
        """The link for colleagues that a team's page shows, without the site's name."""
        found = re.search(r'value="https?://[^/]+(/[^"]+/join/[^"]+)"', self.look(page))
        assert found, f"{page} shows no invitation"
        return found[1]

    def fill(self, page: str, to: str = "", **fields: Any) -> Any:
        """Send a form of `page`, as it stands but for `fields`: the first one that has them all and leads to `to`.

        Returns the page that comes after it. A value None leaves a field out, as a box that is not ticked.
        """
        return self._submit(page, self.look(page), to, fields)

    def confirm(self, shown: Any, **fields: Any) -> Any:
        """The same with a form of a page that a form has led to."""
        return self._submit(shown.request["PATH_INFO"], shown.content.decode(), "", fields)

    def _submit(self, address: str, html: str, to: str, fields: dict[str, Any]) -> Any:
        reader = _Forms()
        reader.feed(html)
        there = [(urljoin(address, form.action), form) for form in reader.forms]
        fitting = [(goes, one) for goes, one in there if one.names and goes.endswith(to) and set(fields) <= one.names]
        assert fitting, f"{address} has no form to «{to}» with {', '.join(fields)}"
        goes, form = fitting[0]
        sent = {name: value for name, value in {**form.values, **fields}.items() if value is not None}
        return self.browser.post(goes, sent, follow=True)

    @property
    def _headers(self) -> dict[str, str]:
        if self.user and not self._token:
            self._token = create_token(user=self.user, name="season", scopes=ApiToken.Scope.values)[1]
        return {"authorization": f"Bearer {self._token}"} if self._token else {}

    def ask(self, path: str, status: int = 200) -> Any:
        """What the API answers, read."""
        response = self.browser.get(f"/api/v1/{path}", headers=self._headers)
        assert response.status_code == status, response.content
        return response.json()

    def send(self, phase: str, content: bytes, status: int = 201, **method: Any) -> Any:
        """What the API answers to a prediction file for the phase with this id, read."""
        path = f"/api/v1/phases/{phase}/submissions"
        response = self.browser.post(path, {"file": upload(content), **method}, headers=self._headers)
        assert response.status_code == status, response.content
        return response.json()
