"""What makes Glance different from other stores: one stream, no second chance, and answers that cannot be trusted."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.context import Context
from app.errors import Cancelled, JobError, Transient
from app.practice.cloud import Cloud
from app.practice.http import Refused, Request
from app.stores.glance import Glance
from tests.practice.cloud_places import known, lay_cloud
from tests.servers import blocks_of

DATA = os.urandom(3_000_001)
NAME = "machine.qcow2"


def nothing(count: int) -> None:
    """Acknowledged bytes are of no interest here."""


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with ExitStack() as stack:
        yield lay_cloud(tmp_path, stack)


@pytest.fixture
def ctx(context: Callable[..., Context]) -> Context:
    return known(context())


@pytest.fixture
def store(cloud: Cloud, ctx: Context) -> Glance:
    return Glance("openstack://practice/image/", ctx)


def put(store: Glance, data: bytes = DATA) -> None:
    store.write(NAME, blocks_of(data), 0, nothing)


def got(store: Glance, offset: int = 0, length: int | None = None) -> bytes:
    return b"".join(store.read(NAME, offset, length))


def test_the_format_is_a_field_and_not_part_of_the_name(store: Glance, cloud: Cloud) -> None:
    put(store)
    (image,) = cloud.images.all()
    assert (image["name"], image["disk_format"], image["container_format"]) == ("machine", "qcow2", "bare")


def test_an_image_is_for_its_own_project_only(store: Glance, cloud: Cloud) -> None:
    put(store)
    assert [image["visibility"] for image in cloud.images.all()] == ["private"]


def test_size_and_hash_are_told_by_name_and_by_id(store: Glance, cloud: Cloud) -> None:
    put(store)
    (image,) = cloud.images.all()
    for name in (NAME, "machine", image["id"]):
        remote = store.described(name)
        assert remote
        assert (remote.size, remote.algorithm) == (len(DATA), "sha512")
        assert remote.digest == hashlib.sha512(DATA).hexdigest()


def test_an_old_cloud_tells_only_md5(store: Glance, cloud: Cloud) -> None:
    put(store)
    cloud.images.change(cloud.images.all()[0]["id"], [{"op": "replace", "path": "/os_hash_algo", "value": None}])
    cloud.images.change(cloud.images.all()[0]["id"], [{"op": "replace", "path": "/os_hash_value", "value": None}])
    remote = store.described(NAME)
    assert remote
    assert (remote.algorithm, remote.digest) == ("md5", hashlib.md5(DATA).hexdigest())


def test_the_length_is_sent_along_when_it_is_known(store: Glance, cloud: Cloud) -> None:
    seen = []
    cloud.server.meddle = lambda r: bool(seen.append(dict(r.headers)) if r.command == "PUT" else None)
    store.announce(NAME, len(DATA))
    put(store)
    assert seen[0]["X-OpenStack-Image-Size"] == seen[0]["Content-Length"] == str(len(DATA))


def test_a_file_that_is_shorter_than_announced_is_no_image(store: Glance, cloud: Cloud) -> None:
    store.announce(NAME, len(DATA) + 1)
    with pytest.raises(JobError, match="were to be sent"):
        put(store)
    assert cloud.images.all() == []


def test_writing_again_replaces_our_own_image_only(store: Glance, cloud: Cloud) -> None:
    other = cloud.images.make({"name": "machine", "status": "active", "size": 1})
    put(store)
    first = {i["id"] for i in cloud.images.all()}
    put(store, b"new" * 1000)
    left = {i["id"] for i in cloud.images.all()}
    assert other["id"] in left
    assert len(left) == 2
    assert len(left & first) == 1
    assert got(store) == b"new" * 1000
    store.remove(NAME)
    assert [i["id"] for i in cloud.images.all()] == [other["id"]]


def test_what_an_interrupted_upload_left_is_cleared_away(store: Glance, cloud: Cloud) -> None:
    cloud.images.make({"name": "machine", "sandhopper": "yes"})
    put(store)
    assert [i["status"] for i in cloud.images.all()] == ["active"]


@pytest.mark.parametrize("after", [0, 1_000_000])
def test_a_token_that_ends_in_the_middle_is_never_answered_by_an_empty_body(
    store: Glance, cloud: Cloud, after: int
) -> None:
    puts = []

    def meddle(request: Request) -> bool:
        if request.command != "PUT":
            return False
        puts.append(request.where)
        count = 0
        for block in request.blocks():
            count += len(block)
            if count > after:
                raise Refused(401, "The token may have expired during file upload. Deleting image data.")
        return False

    cloud.server.meddle = meddle
    with pytest.raises(JobError):
        put(store)
    assert len(puts) == 1
    assert cloud.images.all() == []
    cloud.server.meddle = lambda request: False
    put(store)
    assert got(store) == DATA


def test_an_upload_begins_with_a_new_token(store: Glance, cloud: Cloud) -> None:
    store.open()
    before = set(cloud.tokens)
    put(store)
    assert set(cloud.tokens) - before


def test_a_line_cut_in_the_middle_leaves_no_orphan(store: Glance, cloud: Cloud) -> None:
    def meddle(request: Request) -> bool:
        if request.command != "PUT":
            return False
        next(request.blocks())
        raise ConnectionError

    cloud.server.meddle = meddle
    with pytest.raises(Transient):
        put(store)
    cloud.server.meddle = lambda request: False
    assert cloud.images.all() == []
    put(store)
    assert got(store) == DATA


def test_an_answer_lost_after_the_last_byte_costs_nothing(store: Glance, cloud: Cloud) -> None:
    def meddle(request: Request) -> bool:
        if request.command != "PUT":
            return False
        image = request.where.split("/")[-2]
        cloud.images.keep(image, request.blocks(), status="saving")
        threading.Timer(0.7, lambda: cloud.images._save({**cloud.images._load(image), "status": "active"})).start()
        raise ConnectionError

    cloud.server.meddle = meddle
    put(store)
    cloud.server.meddle = lambda request: False
    assert got(store) == DATA
    assert len(cloud.images.all()) == 1


@pytest.mark.parametrize(
    ("change", "said"), [({"size": 0}, "stored 0 bytes"), ({"os_hash_value": "00" * 64}, "arrived damaged")]
)
def test_a_success_that_is_none_is_found_out(store: Glance, cloud: Cloud, change: dict[str, object], said: str) -> None:
    def meddle(request: Request) -> bool:
        if request.command != "PUT":
            return False
        cloud.images.keep(request.where.split("/")[-2], request.blocks(), status="active", **change)
        request.say(None, 204)
        return True

    cloud.server.meddle = meddle
    with pytest.raises(Transient, match=said):
        put(store)
    assert cloud.images.all() == []


@pytest.mark.parametrize(("status", "said"), [(413, "no room"), (415, "does not accept this kind"), (403, "quota")])
def test_a_refused_image_is_told_in_words(store: Glance, cloud: Cloud, status: int, said: str) -> None:
    def meddle(request: Request) -> bool:
        if request.command == "PUT":
            raise Refused(status, "the words of the cloud")
        return False

    cloud.server.meddle = meddle
    with pytest.raises(JobError, match=said) as caught:
        put(store)
    assert "the words of the cloud" in caught.value.message
    assert cloud.images.all() == []


def test_a_cancel_is_heard_while_nothing_moves_and_leaves_nothing(store: Glance, cloud: Cloud, ctx: Context) -> None:
    heard = threading.Event()
    cloud.server.meddle = lambda request: bool(request.command == "PUT" and heard.wait(30) and None)
    threading.Timer(0.3, ctx.cancel.set).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        put(store, DATA * 4)
    heard.set()
    assert time.monotonic() - began < 15
    assert cloud.images.all() == []


def whole_body(request: Request, cloud: Cloud, status: int, headers: dict[str, str]) -> bool:
    """Answer a range as some of Glance's back ends do."""
    if not request.headers.get("Range"):
        return False
    if status >= 400:
        raise Refused(status, "no ranges here")
    request._head(status, {"Content-Length": str(len(DATA)), **headers})
    request.wfile.write(DATA)
    return True


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (200, {}),
        (206, {}),
        (206, {"Content-Range": f"bytes 0-{len(DATA) - 1}/{len(DATA)}"}),
        (206, {"Content-Range": f"bytes 1000000-{len(DATA) - 1}/{len(DATA)}"}),
        (400, {}),
        (416, {}),
    ],
)
def test_a_service_that_cannot_begin_in_the_middle_is_read_from_its_start(
    store: Glance, cloud: Cloud, status: int, headers: dict[str, str]
) -> None:
    put(store)
    cloud.server.meddle = lambda request: whole_body(request, cloud, status, headers)
    assert got(store, 1_000_000) == DATA[1_000_000:]
    assert got(store, 1_000_000, 5_000) == DATA[1_000_000:1_005_000]


def test_a_range_of_another_place_is_not_believed(store: Glance, cloud: Cloud) -> None:
    put(store)

    def meddle(request: Request) -> bool:
        if not request.headers.get("Range"):
            return False
        request._head(206, {"Content-Length": "2000001", "Content-Range": f"bytes 5-2000005/{len(DATA)}"})
        request.wfile.write(DATA[5:2_000_006])
        return True

    cloud.server.meddle = meddle
    assert got(store, 1_000_000) == DATA[1_000_000:]


def test_a_download_cut_short_is_a_broken_line(store: Glance, cloud: Cloud) -> None:
    put(store)

    def meddle(request: Request) -> bool:
        if not request.where.endswith("/file"):
            return False
        request._head(200, {"Content-Length": str(len(DATA))})
        request.wfile.write(DATA[:500_000])
        request.close_connection = True
        return True

    cloud.server.meddle = meddle
    seen: list[int] = []
    with pytest.raises(Transient):
        seen.extend(map(len, store.read(NAME)))
    assert 0 < sum(seen) <= 500_000


def test_a_download_can_be_cancelled_while_nothing_comes(store: Glance, cloud: Cloud, ctx: Context) -> None:
    put(store)
    heard = threading.Event()

    def meddle(request: Request) -> bool:
        if not request.where.endswith("/file"):
            return False
        request._head(200, {"Content-Length": str(len(DATA))})
        request.wfile.write(DATA[:1000])
        heard.wait(30)
        return True

    cloud.server.meddle = meddle
    threading.Timer(0.3, ctx.cancel.set).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        got(store)
    heard.set()
    assert time.monotonic() - began < 15


def test_an_image_that_is_not_whole_cannot_be_read(store: Glance, cloud: Cloud) -> None:
    cloud.images.make({"name": "machine"})
    assert store.size(NAME) is None
    with pytest.raises(JobError, match="no whole image"):
        got(store)


def test_an_image_gets_its_name_and_replaces_ours(store: Glance, cloud: Cloud) -> None:
    put(store, b"old" * 100)
    store.write("machine.qcow2.1f0c9a7e.part", blocks_of(DATA), 0, nothing)
    store.rename("machine.qcow2.1f0c9a7e.part", NAME)
    (image,) = cloud.images.all()
    assert (image["name"], image["disk_format"], image["size"]) == ("machine", "qcow2", len(DATA))
