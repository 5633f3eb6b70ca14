"""mountinfo, fstab and the answers of our scripts, with odd and hostile input."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.context import Finding
from app.errors import JobError, Transient
from app.job import Include
from app.sandbox import fstab, proof, remote
from app.sandbox.findings import findings, for_job
from app.sandbox.look import Look, Seen
from app.sandbox.mounts import Mount, data_mounts, decode, inside, lines_of
from app.sandbox.problems import problem
from app.ssh.command import TooSlow

INFO = r"""21 1 253:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
22 21 0:20 / /proc rw - proc proc rw
23 21 253:2 / /boot rw - ext4 /dev/vda2 rw
24 21 253:16 / /application rw shared:7 - xfs /dev/vdb rw
25 24 253:32 / /application/nested ro master:1 - ext4 /dev/vdc ro
26 21 253:16 / /again rw - xfs /dev/vdb rw
27 21 253:48 /part /only\040a\040part rw - ext4 /dev/vdd rw
28 21 0:50 / /shared rw - nfs4 server:/export rw
29 21 253:64 / /usb rw - vfat /dev/vde rw
30 21 253:80 / /odd\134\012\011name rw - ext4 /dev/vdf rw
31 21 0:60 / /snap rw - fuse.snapfuse snapfuse ro
32 21 253:96 / /covered rw - ext4 /dev/vdg rw
33 21 0:61 / /covered rw - tmpfs tmpfs rw
broken line
34 21 253:97 / /no-dash rw ext4 /dev/vdh rw
"""
DISKS = {"253:1": frozenset({"vda"}), "253:2": frozenset({"vda"})} | {
    f"253:{n}": frozenset({f"vd{letter}"}) for n, letter in ((16, "b"), (32, "c"), (48, "d"), (64, "e"), (80, "f"))
}


def test_data_mounts_are_told_from_the_rest() -> None:
    space = {"/application": (1000, 600, 5, "0:root"), r"/only\040a\040part": (1, 1, 1, "")}
    found = {m.path: m for m in data_mounts(lines_of(INFO), DISKS, space, hidden=["/application"])}
    assert sorted(found) == [
        "/again", "/application", "/application/nested", "/odd\\\n\tname", "/only a part", "/shared", "/usb",
    ]  # fmt: skip
    assert [path for path, m in found.items() if m.mergeable] == [
        "/application",
        "/application/nested",
        "/odd\\\n\tname",
    ]
    assert found["/application"].used == 600
    assert found["/application"].hidden
    assert found["/application/nested"].read_only
    assert "same data as /application" in found["/again"].why_not
    assert "another computer" in found["/shared"].why_not
    assert [(m.path, m.shows) for m in found.values() if m.shows] == [("/again", "/application")]


def mounts_of(*lines: str) -> list[Mount]:
    return data_mounts(lines_of("".join(f"{n} 21 {line}\n" for n, line in enumerate(lines, 22))), DISKS, {})


def test_a_bind_mount_shows_data_of_the_disk_and_comes_along_with_it() -> None:
    part = "253:16 /app /application rw - ext4 /dev/vdb rw"
    mounts = mounts_of(part, "253:16 / /mnt/disk rw - ext4 /dev/vdb rw")
    look = Look("Debian", "6", "x", tuple(mounts), root_free=10**9, root_free_inodes=5000)
    told = grades(look, "/mnt/disk=merge")
    assert told["/application shows data of /mnt/disk and comes along with it."] == "ok"
    assert not any("missing" in title for title in told)
    assert any(title.startswith("/application will be missing") for title in grades(look))
    (stop,) = (f for f in for_job(look, [Include.parse("/application=merge")], "me") if f.grade == "stop")
    assert "comes along" in stop.title
    other_part = mounts_of(part, "253:16 /else /else rw - ext4 /dev/vdb rw")
    assert not any(mount.shows for mount in other_part)


def test_another_btrfs_subvolume_of_a_disk_does_not_come_along() -> None:
    mounts = mounts_of("253:16 / /data rw - btrfs /dev/vdb rw", "253:16 /two /two rw - btrfs /dev/vdb rw")
    assert [mount.shows for mount in mounts] == ["", ""]
    assert "another part" in mounts[1].why_not


def test_a_name_that_is_no_text_can_be_told_but_not_merged() -> None:
    line = b"24 21 253:16 / /caf\xe9 rw - xfs /dev/vdb rw\n".decode("utf-8", "surrogateescape")
    (mount,) = data_mounts(lines_of(line), {}, {})
    assert mount.path == r"/caf\xe9"
    assert not mount.mergeable
    str(mount.as_json()).encode()


@pytest.mark.parametrize(
    ("path", "others", "around"),
    [("/a/b", ["/a", "/a/b", "/"], "/a"), ("/ab", ["/a"], ""), ("/a/b/c", ["/a", "/a/b"], "/a/b")],
)
def test_inside(path: str, others: list[str], around: str) -> None:
    assert inside(path, others) == around


TABLE = b"""# /etc/fstab: /application is ours
UUID=1 / ext4 defaults 0 1
UUID=2\t/application/\txfs  noatime 0 2   # the data
/dev/vdc /odd\\040name ext4 defaults
#UUID=3 /application ext4 defaults 0 0
UUID=4 /applications ext4 defaults 0 0
UUID=5 none swap sw 0 0
\xff\xfe latin1
UUID=6 //application ext4 bind"""


def test_only_the_lines_of_the_mount_are_masked() -> None:
    masked = fstab.mask(TABLE, ["/application", "/odd name"], "#x# ")
    before, after = TABLE.split(b"\n"), masked.split(b"\n")
    assert [n for n, (old, new) in enumerate(zip(before, after, strict=True)) if old != new] == [2, 3, 8]
    assert after[2] == b"#x# " + before[2]
    assert masked.replace(b"#x# ", b"") == TABLE


@given(st.binary(), st.sampled_from(["/application", "/odd name", "/"]))
def test_masking_any_bytes_can_be_taken_back(table: bytes, mount: str) -> None:
    mark = fstab.mark_of("job-1")
    masked = fstab.mask(table, [mount], mark)
    back = [line.removeprefix(mark.encode()) for line in masked.split(b"\n")]
    if mark.encode() not in table:
        assert b"\n".join(back) == table


def test_device_names_are_found() -> None:
    assert fstab.by_device_name(TABLE) == [("/dev/vdc", "/odd name")]


@given(st.text())
def test_decode_takes_anything(text: str) -> None:
    decode(text.encode("utf-8", "replace").decode())


@given(st.binary().filter(lambda b: b"\0" not in b))
def test_any_bytes_reach_the_shell_as_they_are(value: bytes) -> None:
    assert remote.quoted(value)[:1] in b"'" or value.isalnum() or value.isascii()


@pytest.mark.parametrize("value", [b"", b"'", b"a'b", b"$(id)`id`", b"\xff\xe9'\n\\", b"-n", "ü ".encode()])
def test_the_shell_reads_back_what_was_quoted(value: bytes) -> None:
    script = remote.given(WHAT=value) + b'printf "%s" "$WHAT"'
    assert subprocess.run(["sh", "-s"], input=script, capture_output=True, check=True).stdout == value


def test_an_answer_that_is_not_whole_is_refused() -> None:
    whole = b"Welcome!\n\nM os\nNAME='X'\n\nM fstab\n# M not a mark\n\nM end\n"
    seen = Seen.read(whole, "M")
    assert seen.os == "X"
    assert seen.raw("fstab") == b"# M not a mark\n"
    with pytest.raises(JobError, match="did not answer"):
        Seen.read(whole[:-6], "M")
    with pytest.raises(JobError):
        Seen.read(b"This account is not available.\n", "M")


def test_an_unknown_system_is_said_to_be_unknown() -> None:
    parts = {"user": b"0", "architecture": b"x86_64", "shell_tools": b"rsync\n"}
    assert "The sandbox's system is unknown." in [f.title for f in findings(Seen(parts), [])]


def grades(look: Look, *include: str) -> dict[str, str]:
    return {f.title: f.grade for f in for_job(look, [Include.parse(i) for i in include], "me")}


def test_what_stands_in_the_way() -> None:
    disk = Mount("/application", "/dev/vdb", "ext4", 10**9, 10**8, 1000)
    nested = Mount("/application/nested", "/dev/vdc", "ext4", 10**9, 10**8, 10)
    net = Mount("/net", "server:/x", "nfs4", why_not="it is far")
    look = Look("Debian", "6", "x", (disk, nested, net), root_free=10**9, root_free_inodes=5000)
    told = grades(look, "/application=merge", "/nowhere=merge", "/net=merge")
    assert [t for t, g in told.items() if g == "stop"] == [
        "/nowhere is no data disk of the sandbox.",
        "/net cannot be merged: it is far.",
    ]
    assert any("fits into the root disk" in t for t in told)
    assert any(t.startswith("/application/nested will be missing") for t in told)
    assert grades(look, "/application/nested=merge")[
        "/application/nested lies inside /application, which is not merged."
    ]
    small = Look("Debian", "6", "x", (disk,), root_free=10**8, root_free_inodes=5000)
    assert any("does not fit" in t and "short" in t for t in grades(small, "/application=merge"))
    few = Look("Debian", "6", "x", (disk,), root_free=10**9, root_free_inodes=900)
    assert any("so many files" in t for t in grades(few, "/application=merge"))
    other = Look("Debian", "6", "x", (), journal="other")
    assert "stop" in grades(other).values()


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ("room 5000000 1000", "short"),
        ("inodes 500 20", "so many files"),
        ("away /application", "not attached"),
        ("something new", "something new"),
        ("", "stopped"),
    ],
)
def test_problems_are_told_in_words(said: str, match: str) -> None:
    error = problem(said)
    assert match in error.message
    assert error.remedy
    assert isinstance(problem("fstab-changed"), Transient)


def test_a_proof_with_a_flaw_is_not_green() -> None:
    assert [f.grade for f in proof.findings_of(["equal /etc/fstab", "empty /a", "mounts equal"])] == ["ok"]
    for flaw in ("edited /etc/fstab", "differs /application", "kept /k", "remounted /a", "mounts differ"):
        first: Finding = proof.findings_of(["equal /x", "mounts equal", flaw])[0]
        assert first.grade == "care"
        assert first.facts["equal"] is False
    assert proof.findings_of([])[0].grade == "care"


class NeverDone:
    """A login whose commands take for ever."""

    where = "sandbox"

    def run(self, *_: object, **__: object) -> None:
        raise TooSlow("A command did not end in time.")


def test_a_very_slow_sandbox_is_asked_again() -> None:
    with pytest.raises(Transient, match="very slow") as told:
        remote.ask(NeverDone(), "poll")  # type: ignore[arg-type]
    assert told.value.topic == "slow-sandbox"
    assert "Nothing is lost" in told.value.means


@pytest.mark.parametrize(
    ("answer", "status"), [(b"ended 0\n", 0), (b"ended 1\n", 1), (b"ended \n", 1), (b"alive\n", 0)]
)
def test_an_end_without_a_number_is_no_success(answer: bytes, status: int) -> None:
    assert remote.News.read(answer).status == status
