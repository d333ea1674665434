"""The page's server: job queue, limits of requests, folder and settings."""

import asyncio
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import fields
from types import SimpleNamespace

import pytest
from starlette.formparsers import MultiPartException

from f2a.page import middleware, server
from f2a.page.handlers import controls_from, viewport_from
from f2a.page.job_queue import CLOSING, Busy, JobQueue
from f2a.page.middleware import InFlightResponses, RequestLimits
from f2a.page.server import STALE_S, USER, SettingError, Settings, read_settings, remove_stale, server_folder
from f2a.page.service import KEEP_S, SWEEP_S, Viewport
from f2a.relight.controls import Controls
from tests.support.page_server import in_a_loop
from tests.support.waiting import PATIENCE_S, until


def visit(jobs: JobQueue, visitor: SimpleNamespace) -> None:
    """Run a job that lasts until ``visitor.leave`` is set; log ``"in"`` or the refusal."""
    try:
        jobs.run(lambda: (visitor.log.append("in"), visitor.leave.wait(PATIENCE_S)))
    except Busy as error:
        visitor.log.append(str(error))


def visitors(jobs: JobQueue, count: int) -> list[SimpleNamespace]:
    """Start ``count`` visits one after the other; return the visitors, each with its own log."""
    found = [SimpleNamespace(log=[], leave=threading.Event()) for _ in range(count)]
    for number, visitor in enumerate(found, 1):
        threading.Thread(target=visit, args=(jobs, visitor), daemon=True).start()
        until(lambda number=number: jobs.jobs == number)
    until(lambda: sum(len(visitor.log) for visitor in found) >= min(count, jobs.workers))
    return found


def let_leave(jobs: JobQueue, *those: SimpleNamespace) -> None:
    """Let these visitors leave, and wait until no job is left."""
    for visitor in those:
        visitor.leave.set()
    until(lambda: not jobs.jobs)


def test_a_few_are_inside_and_the_line_moves_in_order():
    jobs = JobQueue(workers=2, max_waiting=3)
    crowd = visitors(jobs, 5)
    assert [visitor.log for visitor in crowd] == [["in"], ["in"], [], [], []]
    for leaves, enters in ((1, 2), (0, 3), (3, 4)):
        crowd[leaves].leave.set()
        until(lambda enters=enters: crowd[enters].log == ["in"])
    let_leave(jobs, *crowd)


def test_who_waits_is_told_how_many_are_before_and_who_leaves_frees_the_place():
    jobs = JobQueue(1, 5)
    inside, first, second = visitors(jobs, 3)
    line = jobs.follow(str, lambda: "relit")
    assert next(line) == "2"
    inside.leave.set()
    assert next(line) == "1"
    gone = jobs.follow(str, second.log.append, "never")
    assert next(gone) == "2"
    gone.close()
    assert jobs.jobs == 3
    first.leave.set()
    second.leave.set()
    assert set(line) <= {"0"}
    let_leave(jobs)
    assert second.log == ["in"]


@pytest.mark.parametrize(("waiting", "said"), [(1, "1 visitor"), (3, "3 visitors")])
def test_a_full_line_turns_away_with_its_length(waiting, said):
    jobs = JobQueue(1, waiting)
    crowd = visitors(jobs, 1 + waiting)
    with pytest.raises(Busy, match=f"^The line is full, with {said} waiting; please try again in a minute"):
        jobs.run(int)
    crowd[0].leave.set()
    until(lambda: crowd[1].log == ["in"])
    assert not jobs.closed
    let_leave(jobs, *crowd)


def test_a_closed_queue_sends_the_line_home_and_lets_those_inside_finish():
    jobs = JobQueue(1, 5)
    inside, *line = visitors(jobs, 3)
    jobs.close()
    until(lambda: [visitor.log for visitor in line] == [[CLOSING], [CLOSING]])
    assert inside.log == ["in"]
    assert jobs.jobs
    with pytest.raises(Busy, match="is being restarted"):
        jobs.run(int)
    let_leave(jobs, inside)


def test_a_place_is_given_back_after_an_error():
    jobs = JobQueue(1, 1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            jobs.run(divmod, 1, 0)
    assert not jobs.jobs


def test_the_same_few_threads_do_all_the_work_as_if_it_were_the_visitors_own():
    jobs, whose = JobQueue(2, 40), ContextVar("whose", default="nobody's")
    found = []

    def visit(number: int) -> None:
        whose.set(number)
        found.append((number, *jobs.run(lambda: (whose.get(), threading.get_ident()))))

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(visit, range(40)))
    assert all(number == seen for number, seen, _ in found)
    assert len({thread for *_, thread in found}) <= 2


def test_work_of_many_parts_ends_when_the_queue_is_closed():
    jobs, done = JobQueue(1, 1), []
    for part in jobs.until_closed(range(10)):
        done.append(part)
        if part == 3:
            jobs.close()
    assert done == [0, 1, 2, 3]


def test_to_finish_is_to_wait_for_those_inside_and_for_their_photos_and_not_for_ever(monkeypatch):
    monkeypatch.setattr(server, "GRACE_S", 0.05)
    assert server.drain(JobQueue(1, 1), InFlightResponses())
    jobs = JobQueue(1, 1)
    [visitor] = visitors(jobs, 1)
    threading.Timer(0.1, visitor.leave.set).start()
    assert server.drain(jobs, InFlightResponses())
    assert visitor.log == ["in"]
    monkeypatch.setattr(server, "DRAIN_S", 0.1)
    assert not server.drain(JobQueue(1, 1), SimpleNamespace(idle_for=lambda seconds: False))
    jobs = JobQueue(1, 1)
    [stuck] = visitors(jobs, 1)
    assert not server.drain(jobs, InFlightResponses())
    stuck.leave.set()


# Requests


def talk(application, messages, path="/gradio_api/upload", method="POST"):
    """Return the messages that the application sends on receiving ``messages``; a number is a pause in seconds."""
    coming, sent = list(messages), []

    async def receive():
        while isinstance(coming[0], (int, float)):
            await asyncio.sleep(coming.pop(0))
        return coming.pop(0)

    async def send(message):
        sent.append(message)

    in_a_loop(lambda: application({"type": "http", "method": method, "path": path}, receive, send))
    return sent


def part(content: bytes, more: bool = True) -> dict:
    return {"type": "http.request", "body": content, "more_body": more}


async def reading(scope, receive, send):
    """Application that reads a whole request and answers with its number of bytes or the error."""
    taken, headers = 0, []
    try:
        while True:
            message = await receive()
            taken += len(message["body"])
            if not message["more_body"]:
                break
        said = f"{taken} bytes"
    except MultiPartException as error:
        said = str(error)
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": said})


def bounded(messages, path="/gradio_api/upload", **bounds):
    """Return the response's body, and whether the connection is then closed."""
    start, body = talk(RequestLimits(reading, **bounds), messages, path)
    return body["body"], (b"connection", b"close") in start["headers"]


def test_a_whole_upload_passes():
    assert bounded([part(b"abc"), 0.01, part(b"de", more=False)]) == ("5 bytes", False)


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([part(b"a"), {"type": "http.disconnect"}], "The upload was cut off."),
        ([part(b"a"), 300], "The upload took too long and was stopped; please try again."),
        ([step for _ in range(6000) for step in (part(b"a"), 0.05)], "The upload took too long"),
    ],
    ids=["hung up", "silent", "a byte at a time"],
)
def test_an_upload_that_does_not_come_is_given_up(messages, said):
    began = time.monotonic()
    told, closed = bounded(messages, silence_s=0.2, upload_s=0.4)
    assert told.startswith(said)
    assert closed
    assert time.monotonic() - began < PATIENCE_S


def test_an_upload_and_any_other_request_have_a_most(monkeypatch):
    monkeypatch.setattr(middleware, "MAX_BYTES", {"/upload": 100, "": 10})
    parts = [part(bytes(8)), part(bytes(8), more=False)]
    assert bounded(parts) == ("16 bytes", False)
    too_much = "The request is over the maximum allowed size.", True
    assert bounded(parts, "/gradio_api/queue/join") == too_much
    assert bounded([part(bytes(90)), *parts], "/gradio_api/upload/") == too_much


def test_a_request_without_a_body_is_left_alone():
    async def waits(scope, receive, send):
        assert (await receive())["type"] == "http.disconnect"
        await send("seen")

    assert talk(RequestLimits(waits, 0.01, 0.01), [0.1, {"type": "http.disconnect"}], method="GET") == ["seen"]


def test_answers_are_counted_while_they_are_under_way():
    answers, seen = InFlightResponses(), []

    async def page(scope, receive, send):
        seen.append(answers.idle_for(0))

    assert answers.idle_for(60)
    for path in ("/", "/gradio_api/heartbeat/x", "/gradio_api/call/relight/1", "/gradio_api/file=/tmp/x.jpg"):
        talk(answers.count(page), [], path, "GET")
    assert seen == [True, True, False, False]
    assert answers.idle_for(0)
    assert not answers.idle_for(60)


# The server's folder


def test_a_servers_folder_goes_with_it_and_the_users_folder_with_the_last_one(tmp_path):
    with server_folder(tmp_path) as first:
        (first / "photo.jpg").write_text("a visitor's")
        with server_folder(tmp_path) as second:
            assert first.parent == second.parent == tmp_path / f"f2a-page-{USER}"
            assert first != second
        assert (first / "photo.jpg").exists()
        assert not second.exists()
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_killed_server_goes_and_that_of_a_living_one_stays(tmp_path):
    ours = tmp_path / f"f2a-page-{USER}"
    for name in ("dead", "living"):
        (ours / f"server-{name}" / "visitors").mkdir(parents=True)
        (ours / f"server-{name}" / "visitors" / "photo.jpg").write_text("a visitor's")
    long_ago = time.time() - STALE_S - 1
    os.utime(ours / "server-dead", (long_ago, long_ago))
    with server_folder(tmp_path) as mine:
        assert {path.name for path in ours.iterdir()} == {"server-living", mine.name}
        os.utime(ours / "server-living", (long_ago, long_ago))
        remove_stale(ours)  # as a running server does
        assert list(ours.iterdir()) == [mine]


def test_a_killed_servers_files_are_gone_within_the_hour_that_the_page_promises():
    assert KEEP_S + SWEEP_S + STALE_S <= 3600


def test_a_folder_of_somebody_elses_making_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"f2a-page-{USER}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SettingError, match="belongs to somebody else; choose another place with GRADIO_TEMP_DIR"):
        server_folder(tmp_path).__enter__()


# Settings


def test_settings_are_read_or_have_their_usual_values():
    assert read_settings({}) == read_settings({"F2A_WAITING": ""}) == Settings(None, None, 40, KEEP_S, None)
    given = {
        "F2A_WEIGHTS": "user/model",
        "F2A_EXAMPLES": "",
        "F2A_WAITING": "5",
        "F2A_KEEP_S": "600",
        "GRADIO_SERVER_PORT": "8000",
    }
    assert read_settings(given) == Settings("user/model", None, 5, 600, 8000)
    assert (Settings().sweep_s, Settings(keep_s=100).sweep_s) == (SWEEP_S, 10)


@pytest.mark.parametrize(
    ("name", "value", "bounds"),
    [("F2A_WAITING", "0", "1 to 500"), ("F2A_WAITING", "many", "1 to 500"), ("F2A_KEEP_S", "-5", "10 to 86400"),
     ("F2A_KEEP_S", "1e9", "10 to 86400"), ("GRADIO_SERVER_PORT", "70000", "1 to 65535")],
)  # fmt: skip
def test_a_setting_that_cannot_be_is_one_sentence(name, value, bounds):
    with pytest.raises(SettingError, match=f"^{name} is '{value}'; it must be a whole number from {bounds}$"):
        read_settings({name: value})


def test_an_emptied_number_field_is_the_usual_value():
    given, neutral = {"exposure": 0.5, "keep_colors": True}, Controls()
    assert controls_from(tuple(given.get(item.name) for item in fields(Controls))) == Controls(**given)
    assert controls_from(tuple(getattr(neutral, item.name) for item in fields(Controls))) == neutral


NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize(
    "screen",
    [None, [], [300], "screen", {"width": 300}, [300, None], [NAN, 200], [INFINITE, 200], [300, 200, 0.5],
     [300, 200, NAN, 0.5], [300, 200, 0.5, -INFINITE], [300, 200, INFINITE, -INFINITE], [1, 2, 3, 4, 5]],
)  # fmt: skip
def test_a_screen_that_cannot_be_is_the_largest_preview(screen):
    assert viewport_from(screen) == Viewport()


def test_a_screen_is_its_size_and_the_place_that_is_looked_at():
    assert viewport_from([300.0, 200]) == Viewport(300, 200)
    assert viewport_from([300, "200", 0.25, 1]) == Viewport(300, 200, (0.25, 1))


@pytest.mark.parametrize(
    ("shared", "said"),
    [("https://party.gradio.live", "For a week, it is also at https://party.gradio.live"), (None, "No share link.")],
)
def test_one_line_is_printed_for_each_address_and_gradios_words_only_where_there_is_none(capsys, shared, said):
    gradios = lambda **options: print("\nNo share link.")  # noqa: E731
    demo = SimpleNamespace(local_url="http://127.0.0.1:7860/", share_url=shared, launch=gradios)
    server.launch(demo, Settings(share=True, mcp=True))
    page, *others = capsys.readouterr().out.splitlines()
    assert page.startswith("The page is at http://127.0.0.1:7860/ (")
    assert others == [said, "The MCP tools are at http://127.0.0.1:7860/gradio_api/mcp/"]
