"""A Hugging Face Hub on loopback: the real client libraries talk to it over HTTP, without the internet.

    with HubStub(token="hf_test") as hub:
        subprocess.run([sys.executable, "-c", program], env=hub.environment(), check=True)  # a child process
        hub.in_process(monkeypatch)  # this one: endpoint, token, empty cache; no Xet, which the stub does not speak
        HfApi().upload_folder(repo_id="user/model", folder_path=folder)
        assert hub.repo("user/model").files()["config.json"] == b"{}"

Faults: `hub.fail("/resolve/", status=429, retry_after=0)`, `hub.fail("model.safetensors", cut=0.5)`,
`hub.fail(".", delay=3)`, and `with hub.unreachable():`. `hub.requests` lists every request and whether it had a token.

As on the real Hub, LFS files come from another origin (`localhost` instead of `127.0.0.1`), which must never see the
token; a new repo already contains `.gitattributes`, a new Space also `README.md`. Unlike there, every 401 about a repo
has `X-Error-Code: RepoNotFound`: the client infers that from the bare status only on https. Routes that no test uses
are absent.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

LFS_SUFFIXES = (".safetensors", ".parquet", ".png", ".jpg")


class Reply(NamedTuple):
    """One HTTP answer; anything but bytes is sent as JSON."""

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = MappingProxyType({})


class HubError(Exception):
    """An answer that is an error, with the headers from which the client chooses its exception type."""

    def __init__(self, status: int, message: str, code: str | None = None, extra: dict[str, str] | None = None) -> None:
        super().__init__(message)
        headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {}) | (extra or {})
        self.reply = Reply(status, {"error": message}, headers)


@dataclass(frozen=True)
class Blob:
    """One version of one file."""

    content: bytes
    lfs: bool = False

    @cached_property
    def etag(self) -> str:
        """The digest that the client compares with a local file's: sha256 for LFS, git object id otherwise."""
        if self.lfs:
            return hashlib.sha256(self.content).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(self.content) + self.content).hexdigest()


class Commit(NamedTuple):
    sha: str
    files: dict[str, Blob]


@dataclass
class Repo:
    """A repo in memory; `kind` is model, dataset or space. The last two fields are for Spaces alone."""

    kind: str
    id: str
    private: bool = False
    commits: dict[str, Commit] = field(default_factory=dict)
    lfs: dict[str, bytes] = field(default_factory=dict)
    variables: dict[str, dict[str, Any]] = field(default_factory=dict)
    hardware: str | None = None

    @property
    def path(self) -> str:
        """The repo's path in addresses of the Hub."""
        return f"{'' if self.kind == 'model' else self.kind + 's/'}{self.id}"

    def at(self, revision: str = "main") -> Commit:
        sha = list(self.commits)[-1] if revision == "main" else revision
        if sha not in self.commits:
            raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return self.commits[sha]

    def files(self) -> dict[str, bytes]:
        return {path: blob.content for path, blob in self.at().files.items()}

    def commit(self, title: str, files: dict[str, Blob]) -> Commit:
        """Add a version with these files; its id is a digest of the repo, the earlier versions and the title."""
        text = f"{self.kind} {self.id} {list(self.commits)} {title}"
        commit = Commit(hashlib.sha1(text.encode()).hexdigest(), dict(files))
        self.commits[commit.sha] = commit
        return commit


@dataclass
class Call:
    """One request on its way to a handler: the parts of its path, its token holder, the repo and commit it names."""

    hub: HubStub
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    user: str | None = None
    args: dict[str, str] = field(default_factory=dict)
    repo: Repo = field(init=False)
    commit: Commit = field(init=False)

    @cached_property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body or b"{}")


Handle = Callable[[Call], Reply]

ROUTES: list[tuple[list[str], re.Pattern[str], Handle, bool]] = []
"""Methods, path, handler, and whether it writes."""
API = r"/api/(?P<kind>model|dataset|space)s/(?P<repo>[^/]+/[^/]+)"
WEB = r"/(?:(?P<kind>dataset|space)s/)?(?P<repo>[^/]+/[^/]+?)"
STORAGE = r"/storage/(?P<kind>model|dataset|space)s/(?P<repo>[^/]+/[^/]+)/(?P<oid>[0-9a-f]{64})/[^/]+"
REVISION = r"(?P<revision>[^/]+)"


def route(methods: str, path: str, writes: bool = False) -> Callable[[Handle], Handle]:
    """Register a handler; one that `writes` requires the token of the repo's owner."""

    def enter(handle: Handle) -> Handle:
        ROUTES.append((methods.split(), re.compile(path), handle, writes))
        return handle

    return enter


@route("POST", "/api/validate-yaml")
def validate_yaml(call: Call) -> Reply:
    """Every commit that contains a README.md sends this request first (`HfApi.create_commit`)."""
    return Reply(body={"errors": [], "warnings": []})


@route("POST", "/api/repos/create", writes=True)
def create_repo(call: Call) -> Reply:
    """`HfApi.create_repo`."""
    kind, body = call.json.get("type") or "model", call.json
    repo_id = f"{body.get('organization') or call.user}/{body['name']}"
    call.hub.check_owner(call.user, repo_id)
    known = call.hub.repos.get((kind, repo_id))
    repo = known or call.hub.add_repo(repo_id, kind, private=body.get("visibility") == "private")
    return Reply(409 if known else 200, {"url": f"{call.hub.endpoint}/{repo.path}", "name": repo_id, "id": repo_id})


@route("POST", f"{API}/preupload/{REVISION}", writes=True)
def preupload(call: Call) -> Reply:
    """The first step of every upload: which files go through LFS, and which are there already."""
    files = []
    for path in (file["path"] for file in call.json["files"]):
        known = call.commit.files.get(path)
        mode = "lfs" if path.endswith(LFS_SUFFIXES) else "regular"
        row = {"path": path, "uploadMode": mode, "shouldIgnore": False}
        files.append(row | ({"oid": known.etag} if known else {}))
    return Reply(body={"files": files, "commitOid": call.commit.sha})


@route("POST", rf"{WEB}\.git/info/lfs/objects/batch", writes=True)
def lfs_batch(call: Call) -> Reply:
    """The second step for LFS files: where to send those that the repo does not have yet."""
    objects = []
    for entry in call.json["objects"]:
        upload = {"href": call.hub.storage_url(call.repo, entry["oid"], "upload")}
        held = entry["oid"] in call.repo.lfs
        objects.append(entry | ({} if held else {"actions": {"upload": upload}}))
    return Reply(body={"transfer": "basic", "objects": objects})


@route("GET PUT", STORAGE)
def storage(call: Call) -> Reply:
    """The store behind LFS, reached without a token: third step of an upload, end of a download."""
    oid, store = call.args["oid"], call.repo.lfs
    if call.method == "GET":
        return ranged(call, store[oid], {"ETag": f'"{oid}"'})
    assert hashlib.sha256(call.body).hexdigest() == oid
    store[oid] = call.body
    return Reply(headers={"ETag": f'"{oid}"'})


@route("POST", f"{API}/commit/main", writes=True)
def commit(call: Call) -> Reply:
    """The last step of `create_commit`, `upload_file`, `upload_folder`, `Dataset.push_to_hub`: a JSON row a line."""
    files, title = dict(call.commit.files), ""
    for row in map(json.loads, call.body.splitlines()):
        value = row["value"]
        match row["key"]:
            case "header":
                title = value["summary"]
            case "file":
                files[value["path"]] = Blob(base64.b64decode(value["content"]))
            case "lfsFile":
                files[value["path"]] = Blob(call.repo.lfs[value["oid"]], lfs=True)
            case "deletedFile":
                del files[value["path"]]
    made = call.repo.commit(title, files)
    url = f"{call.hub.endpoint}/{call.repo.path}/commit/{made.sha}"
    return Reply(body={"success": True, "commitOid": made.sha, "commitUrl": url})


@route("GET", f"{WEB}/resolve/{REVISION}/(?P<path>.+)")
def resolve(call: Call) -> Reply:
    """`hf_hub_download`, `snapshot_download`, `HfFileSystem`, `datasets`: HEAD for the metadata, GET for the file."""
    path, origin = call.args["path"], {"X-Repo-Commit": call.commit.sha}
    blob = call.commit.files.get(path)
    if blob is None:
        raise HubError(404, "Entry not found", "EntryNotFound", origin)
    if not blob.lfs:
        return ranged(call, blob.content, origin | {"ETag": f'"{blob.etag}"'})
    linked = {"X-Linked-Etag": f'"{blob.etag}"', "X-Linked-Size": str(len(blob.content))}
    return Reply(302, b"Found", origin | linked | {"Location": call.hub.storage_url(call.repo, blob.etag, path)})


def ranged(call: Call, content: bytes, headers: dict[str, str]) -> Reply:
    """The whole file, or the part that the Range header names (resumed downloads, `HfFileSystem` reads)."""
    headers = headers | {"Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", call.headers.get("range", ""))
    if not match:
        return Reply(200, content, headers)
    start, stop = int(match[1]), min(int(match[2] or len(content)) + 1, len(content))
    return Reply(206, content[start:stop], headers | {"Content-Range": f"bytes {start}-{stop - 1}/{len(content)}"})


def describe(commit: Commit, path: str) -> dict[str, Any]:
    """A row of `list_repo_tree`."""
    blob = commit.files.get(path)
    if not blob:
        return {"type": "directory", "path": path, "oid": "", "size": 0}
    size = {"oid": blob.etag, "size": len(blob.content)}
    return {"type": "file", "path": path} | size | ({"lfs": size | {"pointerSize": 130}} if blob.lfs else {})


@route("GET", f"{API}/tree/{REVISION}(?:/(?P<path>.+))?")
def tree(call: Call) -> Reply:
    """`list_repo_tree`, `list_repo_files`, `snapshot_download` and `HfFileSystem.ls`, in one page."""
    files = call.commit.files
    folders = {path[:cut] for path in files for cut, letter in enumerate(path) if letter == "/"}
    folder = (call.args.get("path") or "").strip("/")
    if folder and folder not in folders:
        raise HubError(404, f"{folder} does not exist on {call.args['revision']}", "EntryNotFound")
    start = f"{folder}/" if folder else ""
    paths = sorted(path for path in {*files, *folders} if path.startswith(start))
    if not re.search(r"\brecursive=(1|true)", call.target, re.IGNORECASE):
        paths = [path for path in paths if "/" not in path.removeprefix(start)]
    return Reply(200, [describe(call.commit, path) for path in paths])


@route("GET", f"{API}(?:/revision/{REVISION})?")
def repo_info(call: Call) -> Reply:
    """`model_info`, `dataset_info`, `space_info`, `repo_exists`, `revision_exists`."""
    siblings = [{"rfilename": path} for path in sorted(call.commit.files)]
    info = {"id": call.repo.id, "sha": call.commit.sha, "private": call.repo.private, "siblings": siblings}
    return Reply(body=info)


@route("GET POST", f"{API}/(?:runtime|hardware)", writes=True)
def runtime(call: Call) -> Reply:
    """`get_space_runtime`, `request_space_hardware`."""
    if call.method == "POST":
        call.repo.hardware = call.json["flavor"]
    hardware = {"current": "cpu-basic", "requested": call.repo.hardware}
    return Reply(body={"stage": "RUNNING", "hardware": hardware, "storage": None, "gcTimeout": None})


@route("GET POST DELETE", f"{API}/variables", writes=True)
def space_variables(call: Call) -> Reply:
    """`add_space_variable`, `get_space_variables`, `delete_space_variable`."""
    table = call.repo.variables
    if call.method == "POST":
        table[call.json["key"]] = {"value": call.json["value"]}
    if call.method == "DELETE":
        del table[call.json["key"]]
    return Reply(body=table)


@dataclass
class Request:
    """A client's request; `token` says whether it had an Authorization header, never what that contained."""

    method: str
    path: str
    token: bool


@dataclass
class Fault:
    """A fault in requests whose path and method match, and the number of times it has occurred."""

    path: str
    method: str = ""
    status: int | None = None
    retry_after: int | None = None
    code: str | None = None  # X-Error-Code, for example GatedRepo
    delay: float = 0.0  # seconds before the answer
    cut: float | None = None  # fraction of the body (sent, for an upload) after which the connection breaks
    hits: int = 0

    def reply(self) -> Reply:
        later = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return HubError(self.status or 500, "a fault that the test asked for", self.code, later).reply


class Handler(BaseHTTPRequestHandler):
    """The socket side: reads a request, applies a planned fault, and sends the reply."""

    server: Server

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: `hub.requests` is the log."""

    def serve(self) -> None:
        hub, path = self.server.hub, unquote(urlsplit(self.path).path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, path, "authorization" in headers)
        hub.requests.append(request)
        size = int(headers.get("content-length", 0))
        cut = hub.strike(request, cuts=True) if size else None
        body = self.rfile.read(int(size * cut.cut) if cut else size)
        if cut:
            return
        fault = hub.strike(request, cuts=False)
        if fault:
            threading.Event().wait(fault.delay)  # not time.sleep, which a test may have replaced for the client
        call = Call(hub, self.command.replace("HEAD", "GET"), self.path, headers, body)
        self.send(fault.reply() if fault and fault.status else hub.answer(call), request)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = serve

    def send(self, reply: Reply, request: Request) -> None:
        plain = isinstance(reply.body, bytes)
        body = reply.body if plain else json.dumps(reply.body).encode()
        kind = {"Content-Type": "text/plain" if plain else "application/json", "Content-Length": str(len(body))}
        self.send_response(reply.status)
        for name, value in {**kind, **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        cut = self.server.hub.strike(request, cuts=True) if self.command == "GET" and reply.status < 300 else None
        self.wfile.write(body[: int(len(body) * cut.cut)] if cut else body)


class Server(ThreadingHTTPServer):
    """Closes each connection after its answer, so that a Hub that stops is unreachable at once."""

    daemon_threads = True

    def __init__(self, hub: HubStub, port: int) -> None:
        self.hub = hub
        super().__init__(("127.0.0.1", port), Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report faults in the stub itself, but not clients that hang up."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class HubStub:
    """The Hub of one test, with one user and that user's token; a context manager."""

    user = "user"

    def __init__(self, token: str = "hf_test") -> None:
        self.token = token
        self.repos: dict[tuple[str, str], Repo] = {}
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.lock = threading.RLock()

    def __enter__(self) -> HubStub:
        self.server = Server(self, 0)
        self.port = self.server.server_port
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.home = tempfile.TemporaryDirectory(prefix="hub_stub_", ignore_cleanup_errors=True)
        return self

    def __exit__(self, *error: object) -> None:
        self.server.stop()
        self.home.cleanup()

    def environment(self) -> dict[str, str]:
        """Return the environment for a client process: this Hub, an empty cache, nothing of the developer's account."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
        chosen = {"HF_ENDPOINT": self.endpoint, "HF_HOME": self.home.name, "NO_PROXY": "127.0.0.1,localhost"}
        chosen |= dict.fromkeys(("HF_HUB_DISABLE_XET", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS"), "1")
        return own | chosen | {"HF_UPDATE_DOWNLOAD_COUNTS": "0", "HF_TOKEN": self.token}

    def in_process(self, monkeypatch: Any, home: str | None = None) -> None:
        """Let the client libraries in this process use the stub until the test ends; `home` is the cache."""
        import datasets
        from huggingface_hub import HfFileSystem, constants, hf_api

        home = home or self.home.name
        chosen = {"HF_HUB_CACHE": f"{home}/hub", "HF_HUB_DISABLE_XET": True, "HF_HUB_OFFLINE": False}
        chosen |= {"ENDPOINT": self.endpoint, "HF_TOKEN_PATH": f"{home}/token"}
        chosen["HUGGINGFACE_CO_URL_TEMPLATE"] = self.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        of_datasets = {"HF_DATASETS_CACHE": Path(home, "datasets"), "DOWNLOADED_DATASETS_PATH": Path(home, "downloads"),
                       "HF_ENDPOINT": self.endpoint, "HF_HUB_OFFLINE": False}  # fmt: skip
        for module, values in (
            (constants, chosen), (datasets.config, of_datasets), (hf_api.api, {"endpoint": self.endpoint})
        ):  # fmt: skip
            for name, value in values.items():
                monkeypatch.setattr(module, name, value)
        monkeypatch.setenv("HF_TOKEN", self.token)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
        monkeypatch.setattr(sys.modules["datasets.utils.tqdm"], "_hf_datasets_progress_bars_disabled", True)
        HfFileSystem.clear_instance_cache()  # they would still use the Hub of an earlier test

    def repo(self, repo_id: str, kind: str = "model") -> Repo:
        return self.repos[kind, repo_id]

    def add_repo(self, repo_id: str, kind: str = "model", private: bool = False) -> Repo:
        """Add a new repo as `create_repo` leaves it; also for repos that belong to somebody else."""
        repo = self.repos[kind, repo_id] = Repo(kind, repo_id, private)
        names = (".gitattributes", "README.md") if kind == "space" else (".gitattributes",)
        repo.commit("initial commit", {name: Blob(b"as the Hub makes it") for name in names})
        return repo

    def fail(self, path: str, **options: Any) -> Fault:
        """Plan a fault (see `Fault`) for requests whose decoded path contains a match of the regular expression."""
        self.faults.append(Fault(path, **options))
        return self.faults[-1]

    @contextmanager
    def unreachable(self) -> Iterator[None]:
        """Refuse connections inside the block; afterwards the Hub is back on the same port with the same content."""
        self.server.stop()
        try:
            yield
        finally:
            self.server = Server(self, self.port)

    def strike(self, request: Request, cuts: bool) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                fits = re.search(fault.path, request.path) and re.search(fault.method, request.method)
                if fits and (fault.cut is not None) == cuts:
                    fault.hits += 1
                    return fault
        return None

    def storage_url(self, repo: Repo, oid: str, path: str) -> str:
        name = quote(path.split("/")[-1])
        return f"http://localhost:{self.port}/storage/{repo.kind}s/{repo.id}/{oid}/{name}"

    def check_owner(self, user: str | None, repo_id: str) -> None:
        if user is None:
            raise HubError(401, "Invalid username or password.")
        if not repo_id.startswith(f"{user}/"):
            raise HubError(403, f"You don't have the rights to write to {repo_id}")

    def find(self, call: Call, writes: bool, signed: bool) -> None:
        """The repo and commit that the path names, or the error that the real Hub would give this caller."""
        repo = self.repos.get((call.args.get("kind") or "model", call.args["repo"]))
        readable = repo and (signed or not repo.private or repo.id.startswith(f"{call.user}/"))
        if not repo or not readable or (writes and not call.user):
            message = "Repository not found" if call.user else "Invalid username or password."
            raise HubError(404 if call.user else 401, message, "RepoNotFound")
        if writes:
            self.check_owner(call.user, repo.id)
        call.repo, call.commit = repo, repo.at(call.args.get("revision") or "main")

    def answer(self, call: Call) -> Reply:
        """Look the request up in the table of routes and let its handler answer."""
        path = urlsplit(call.target).path
        try:
            if "authorization" in call.headers:
                if call.headers["authorization"] != f"Bearer {self.token}":
                    raise HubError(401, "Invalid credentials in Authorization header")
                call.user = self.user
            for methods, pattern, handle, writes in ROUTES:
                match = pattern.fullmatch(path) if call.method in methods else None
                if match:
                    call.args = {name: unquote(value) for name, value in match.groupdict().items() if value}
                    with self.lock:
                        if "repo" in call.args:
                            self.find(call, writes, signed=handle is storage)
                        return handle(call)
            raise HubError(501, f"the Hub stub has no route for {call.method} {path}")
        except HubError as error:
            return error.reply
