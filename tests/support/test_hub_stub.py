"""What no test of the product shows of the Hub on loopback: the token's way, passing faults, and what it refuses."""

import time
from pathlib import Path

import pytest
from huggingface_hub import (
    HfApi,
    hf_hub_download,
)
from huggingface_hub.errors import (
    HfHubHTTPError,
    RepositoryNotFoundError,
)

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # the client's own uploads

WEIGHTS = bytes(range(256)) * 50_000  # 12.8 MB, more than one download chunk of the client


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


def test_the_token_goes_to_the_hub_and_never_to_the_storage_behind_it(hub, pushed, download):
    download("model.safetensors")
    storage = [request for request in hub.requests if request.path.startswith("/storage/")]
    assert {request.method for request in storage} == {"PUT", "GET"}
    assert not any(request.token for request in storage)
    assert all(request.token for request in hub.requests if request.path.startswith("/api/models/"))


def test_a_public_repo_is_read_without_a_token_and_not_written(hub, pushed, download):
    assert download("config.json", token=False) == b'{"width": 16}'
    anonymous = HfApi(endpoint=hub.endpoint, token=False)
    with pytest.raises(RepositoryNotFoundError):
        anonymous.upload_file(path_or_fileobj=b"", path_in_repo="config.json", repo_id="user/model")


@pytest.mark.parametrize("status", [429, 500])
def test_an_upload_is_tried_again_after_a_passing_fault(hub, api, model_folder, no_waiting, status):
    fault = hub.fail("/preupload/", status=status, retry_after=7, times=2)
    api.create_repo("user/model")
    api.upload_folder(repo_id="user/model", folder_path=model_folder)
    assert fault.hits == 2
    assert 8.0 in no_waiting  # the client adds one second to what the Hub asks for
    assert hub.repo("user/model").files()["model.safetensors"] == WEIGHTS


@pytest.mark.parametrize(("cut", "statuses"), [(0.5, [200, 200]), (0.9, [200, 206])])
def test_a_download_cut_on_the_way_is_whole_in_the_end(hub, pushed, download, no_waiting, cut, statuses):
    """The client keeps whole chunks of 10 MiB and resumes after them; half of our 12.8 MB is less than one."""
    hub.fail("model.safetensors", cut=cut, times=1)
    assert download("model.safetensors") == WEIGHTS
    assert [request.status for request in hub.requests[-2:]] == statuses


def test_what_the_stub_does_not_know_it_says(api):
    with pytest.raises(HfHubHTTPError, match="no route for GET /api/models"):
        list(api.list_models())


def test_a_space_card_that_the_hub_would_refuse_is_refused(api):
    api.create_repo("user/space", repo_type="space", space_sdk="gradio")
    card = f"---\nsdk: gradio\ncolorFrom: orange\nshort_description: {'x' * 61}\n---\n".encode()
    with pytest.raises(ValueError, match=r'(?s)"colorFrom" must be one of.*"short_description" length'):
        api.upload_file(path_or_fileobj=card, path_in_repo="README.md", repo_id="user/space", repo_type="space")
