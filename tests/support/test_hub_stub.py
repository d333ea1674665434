"""The Hub on loopback behaves towards the real client libraries as the Hub does, faults included."""

import itertools
import time
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from datasets import Dataset, Features, Image, load_dataset
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    create_repo,
    hf_hub_download,
    snapshot_download,
    upload_file,
)
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from PIL import Image as Photo

from tests.support.hub_stub import HubStub

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # the client's own uploads

WEIGHTS = bytes(range(256)) * 50_000  # 12.8 MB, more than one download chunk of the client


@pytest.fixture
def hub(monkeypatch):
    with HubStub() as running:
        running.in_process(monkeypatch)
        yield running


@pytest.fixture
def api(hub):
    return HfApi(endpoint=hub.endpoint, token=hub.token)


@pytest.fixture
def model_folder(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"width": 16}')
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    return folder


@pytest.fixture
def pushed(api, model_folder):
    """The commit that put two files, one of them LFS, into user/model."""
    api.create_repo("user/model")
    return api.upload_folder(repo_id="user/model", folder_path=model_folder)


@pytest.fixture
def download(hub, tmp_path):
    """``download("config.json", ...)`` fetches a file of user/model into an empty cache and returns its bytes."""

    def fetch(filename, repo_id="user/model", token=hub.token, **how):
        cache = tmp_path / f"cache{len(hub.requests)}"
        path = hf_hub_download(repo_id, filename, endpoint=hub.endpoint, token=token, cache_dir=cache, **how)
        return Path(path).read_bytes()

    return fetch


@pytest.fixture
def no_waiting(monkeypatch):
    """The client's pauses between two attempts take no time; how long they would have been is listed."""
    pauses = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    return pauses


# Models


def test_a_pinned_revision_comes_back_bit_for_bit_after_the_branch_has_moved(api, pushed, download):
    api.upload_file(path_or_fileobj=b"newer", path_in_repo="model.safetensors", repo_id="user/model")
    assert download("model.safetensors", revision=pushed.oid) == WEIGHTS
    assert download("model.safetensors") == b"newer"


def test_weights_go_through_lfs_and_text_does_not(hub, api, pushed):
    files = {file.path: file for file in api.list_repo_tree("user/model", recursive=True)}
    assert files["model.safetensors"].lfs.size == len(WEIGHTS)
    assert files["config.json"].lfs is None
    assert hub.repo("user/model").files()["model.safetensors"] == WEIGHTS


def test_the_token_goes_to_the_hub_and_never_to_the_storage_behind_it(hub, pushed, download):
    download("model.safetensors")
    storage = [request for request in hub.requests if request.path.startswith("/storage/")]
    assert {request.method for request in storage} == {"PUT", "GET"}
    assert not any(request.token for request in storage)
    assert all(request.token for request in hub.requests if request.path.startswith("/api/models/"))


def test_a_snapshot_holds_every_file(hub, api, pushed, tmp_path):
    where = {"endpoint": hub.endpoint, "token": hub.token, "cache_dir": tmp_path / "cache"}
    folder = Path(snapshot_download("user/model", revision=pushed.oid, **where))
    assert sorted(path.name for path in folder.iterdir()) == [".gitattributes", "config.json", "model.safetensors"]
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS


def test_the_same_content_again_makes_no_commit(hub, api, pushed, model_folder):
    again = api.upload_folder(repo_id="user/model", folder_path=model_folder)
    assert again.oid == pushed.oid
    assert len(hub.repo("user/model").commits) == 2  # the one that created the repo, and ours


def test_card_folders_and_deletions(api, pushed):
    card = b"---\nlicense: apache-2.0\ntags: [relighting]\npipeline_tag: image-to-image\n---\n"
    added = [CommitOperationAdd("README.md", card), CommitOperationAdd("runs/a/loss.txt", b"1")]
    api.create_commit("user/model", [*added, CommitOperationDelete("config.json")], commit_message="card")
    info = api.model_info("user/model", files_metadata=True)
    assert info.tags == ["relighting", "license:apache-2.0"]
    assert info.pipeline_tag == "image-to-image"
    assert [file.rfilename for file in info.siblings if file.lfs] == ["model.safetensors"]
    assert not api.file_exists("user/model", "config.json")
    assert {row.path for row in api.list_repo_tree("user/model")} >= {"runs", "README.md"}


def test_a_commit_on_top_of_an_outdated_parent_is_refused(api, pushed):
    api.upload_file(path_or_fileobj=b"1", path_in_repo="a.txt", repo_id="user/model")
    late = [CommitOperationAdd("b.txt", b"2")]
    with pytest.raises(HfHubHTTPError, match="A commit has happened since"):
        api.create_commit("user/model", late, commit_message="late", parent_commit=pushed.oid)


def test_creating_twice_is_an_error_unless_it_is_allowed(api, pushed):
    assert api.create_repo("user/model", exist_ok=True).repo_id == "user/model"
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_repo("user/model")


def test_in_this_process_the_client_needs_to_be_told_nothing(hub):
    create_repo("user/model")
    upload_file(path_or_fileobj=b"{}", path_in_repo="config.json", repo_id="user/model")
    assert Path(hf_hub_download("user/model", "config.json")).read_bytes() == b"{}"
    assert all(request.status < 400 for request in hub.requests if request.path != "/api/agent-harnesses")


# Who may do what


def test_a_private_repo_does_not_exist_for_a_stranger(api, download):
    api.create_repo("user/model", private=True)
    api.upload_file(path_or_fileobj=b"{}", path_in_repo="config.json", repo_id="user/model")
    assert download("config.json") == b"{}"
    with pytest.raises(RepositoryNotFoundError):
        download("config.json", token=False)


def test_a_public_repo_is_read_without_a_token_and_not_written(hub, pushed, download):
    assert download("config.json", token=False) == b'{"width": 16}'
    anonymous = HfApi(endpoint=hub.endpoint, token=False)
    with pytest.raises(RepositoryNotFoundError):
        anonymous.upload_file(path_or_fileobj=b"", path_in_repo="config.json", repo_id="user/model")


def test_somebody_elses_repo_cannot_be_written(hub, api):
    hub.add_repo("other/model")
    with pytest.raises(HfHubHTTPError, match="403"):
        api.upload_file(path_or_fileobj=b"1", path_in_repo="a.txt", repo_id="other/model")
    with pytest.raises(HfHubHTTPError, match="403"):
        api.create_repo("other/second")


@pytest.mark.parametrize(
    ("repo_id", "filename", "revision", "error"),
    [
        ("user/model", "missing.json", "main", EntryNotFoundError),
        ("user/missing", "config.json", "main", RepositoryNotFoundError),
        ("user/model", "config.json", "missing", RevisionNotFoundError),
    ],
)
def test_what_is_missing_has_its_own_error(pushed, download, repo_id, filename, revision, error):
    with pytest.raises(error) as caught:
        download(filename, repo_id=repo_id, revision=revision)
    assert not isinstance(caught.value, LocalEntryNotFoundError)


# Faults


@pytest.mark.parametrize("status", [429, 500])
def test_an_upload_is_tried_again_after_a_passing_fault(hub, api, model_folder, no_waiting, status):
    fault = hub.fail("/preupload/", status=status, retry_after=7, times=2)
    api.create_repo("user/model")
    api.upload_folder(repo_id="user/model", folder_path=model_folder)
    assert fault.hits == 2
    assert 8.0 in no_waiting  # the client adds one second to what the Hub asks for
    assert hub.repo("user/model").files()["model.safetensors"] == WEIGHTS


def test_an_upload_ends_when_the_fault_stays(hub, api, no_waiting):
    api.create_repo("user/model")
    fault = hub.fail("/preupload/", status=500)
    with pytest.raises(HfHubHTTPError, match="500"):
        api.upload_file(path_or_fileobj=b"1", path_in_repo="a.txt", repo_id="user/model")
    assert fault.hits == 6


@pytest.mark.parametrize("status", [403, 429, 500])
def test_a_download_without_a_cached_copy_ends_when_the_fault_stays(hub, pushed, download, no_waiting, status):
    hub.fail("/resolve/", status=status)
    with pytest.raises(LocalEntryNotFoundError) as caught:
        download("config.json")
    assert str(status) in str(caught.value.__cause__)


def test_an_error_code_chooses_the_clients_exception(hub, pushed, download):
    hub.fail("/resolve/", status=403, code="GatedRepo")
    with pytest.raises(GatedRepoError):
        download("config.json")


@pytest.mark.parametrize(("cut", "statuses"), [(0.5, [200, 200]), (0.9, [200, 206])])
def test_a_download_cut_on_the_way_is_whole_in_the_end(hub, pushed, download, no_waiting, cut, statuses):
    """The client keeps whole chunks of 10 MiB and resumes after them; half of our 12.8 MB is less than one."""
    hub.fail("model.safetensors", cut=cut, times=1)
    assert download("model.safetensors") == WEIGHTS
    assert [request.status for request in hub.requests[-2:]] == statuses


def test_a_download_that_is_always_cut_raises_and_leaves_no_file(hub, pushed, download, no_waiting, tmp_path):
    fault = hub.fail("model.safetensors", cut=0.0)
    with pytest.raises(Exception, match="peer closed connection"):
        download("model.safetensors")
    assert fault.hits == 6
    assert not list(tmp_path.glob("cache*/*/snapshots/*/*"))
    assert not list(tmp_path.glob("cache*/*/blobs/*"))


def test_an_upload_cut_in_the_middle_is_sent_again(hub, api, model_folder, no_waiting):
    api.create_repo("user/model")
    fault = hub.fail("/storage/", method="PUT", cut=0.5, times=1)
    api.upload_folder(repo_id="user/model", folder_path=model_folder)
    assert fault.hits == 1
    assert hub.repo("user/model").files()["model.safetensors"] == WEIGHTS


def test_a_slow_hub_is_given_up_once_and_then_waited_for(hub, pushed, download):
    hub.fail("/resolve/", method="HEAD", delay=0.6)
    assert download("config.json", etag_timeout=0.2) == b'{"width": 16}'
    assert [request.method for request in hub.requests[-3:]] == ["HEAD", "HEAD", "GET"]


def test_an_unreachable_hub_is_back_afterwards_with_its_content(hub, pushed, download, no_waiting):
    with hub.unreachable(), pytest.raises(LocalEntryNotFoundError) as caught:
        download("config.json")
    assert "refused" in str(caught.value.__cause__)
    assert download("config.json") == b'{"width": 16}'


def test_what_the_stub_does_not_know_it_says(api):
    with pytest.raises(HfHubHTTPError, match="no route for GET /api/models"):
        list(api.list_models())


# Datasets


def test_a_dataset_of_photo_pairs_loads_again_streamed_or_not(hub, api, tmp_path):
    pairs = [[(9 * i, 0, 0), (0, 9 * i, 0)] for i in range(3)]
    columns = zip(("flash", "ambient"), zip(*pairs, strict=True), strict=True)
    photos = {half: [Photo.new("RGB", (6, 4), color) for color in colors] for half, colors in columns}
    data = Dataset.from_dict(photos, features=Features({"flash": Image(), "ambient": Image()}))
    data.push_to_hub("user/data", private=True)
    files = [".gitattributes", "data/train-00000-of-00001.parquet", "README.md"]
    assert list(hub.repo("user/data", "dataset").files()) == files
    data.to_parquet(tmp_path / files[1])
    api.create_repo("user/folder", repo_type="dataset")
    api.upload_folder(repo_id="user/folder", repo_type="dataset", folder_path=tmp_path)
    for name, streaming in itertools.product(("user/data", "user/folder"), (False, True)):
        rows = load_dataset(name, split="train", streaming=streaming)
        assert [[row[half].getpixel((0, 0)) for half in ("flash", "ambient")] for row in rows] == pairs


# Spaces


def test_a_space_takes_files_variables_secrets_and_hardware(hub, api, tmp_path):
    api.create_repo("user/space", repo_type="space", space_sdk="gradio", exist_ok=True)
    assert api.get_space_runtime("user/space").stage == "NO_APP_FILE"
    (tmp_path / "app.py").write_text("print()")
    (tmp_path / "README.md").write_text("---\nsdk: gradio\ncolorFrom: yellow\n---\n")
    api.upload_folder(repo_id="user/space", repo_type="space", folder_path=tmp_path)
    assert api.add_space_variable("user/space", "F2A_WEIGHTS", "user/model")["F2A_WEIGHTS"].key == "F2A_WEIGHTS"
    api.add_space_secret("user/space", "HF_TOKEN", "hf_hidden")
    assert api.request_space_hardware("user/space", "zero-a10g").requested_hardware == "zero-a10g"
    info = api.space_info("user/space")
    assert (info.sdk, info.runtime.stage) == ("gradio", "RUNNING")
    space = hub.repo("user/space", "space")
    assert space.variables["F2A_WEIGHTS"]["value"] == "user/model"
    assert list(api.get_space_secrets("user/space")) == ["HF_TOKEN"]
    headers = {"Authorization": f"Bearer {hub.token}"}
    assert b"hf_hidden" not in urlopen(Request(f"{hub.endpoint}/api/spaces/user/space/secrets", headers=headers)).read()


def test_a_space_card_that_the_hub_would_refuse_is_refused(api):
    api.create_repo("user/space", repo_type="space", space_sdk="gradio")
    card = f"---\nsdk: gradio\ncolorFrom: orange\nshort_description: {'x' * 61}\n---\n".encode()
    with pytest.raises(ValueError, match=r'(?s)"colorFrom" must be one of.*"short_description" length'):
        api.upload_file(path_or_fileobj=card, path_in_repo="README.md", repo_id="user/space", repo_type="space")
