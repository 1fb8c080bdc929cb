"""The journal: one line per use of a key, each chained to the one before by a MAC; written before the key is used.

`journal.jsonl` holds a JSON object per line. Its last member `mac` is HMAC-SHA256, under a key of the vault, over the
MAC of the line before (32 zero bytes for the first) and the line's own bytes up to `,"mac"`. `journal.head` holds how
many lines there are and the last MAC, under a MAC of its own, and so does the vault: lines cut off at the end are
missed. A journal that is longer than its anchors by lines that chain is whole: the keeper was stopped between the two.
The head is replaced in one step, so no crash takes it away: it may be missing only before the second line.

The vault's end of the journal only moves on. Of a journal that is broken it stays where it was, whatever is written
into the vault meanwhile, so that such a journal is broken for every later keeper too, until the user begins a new one.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tallyglass.keeper import files
from tallyglass.keeper.answers import Gap, JournalReport, JournalRow, plain
from tallyglass.keeper.errors import JournalBroken, KeeperError

_START = bytes(32)
_BLOCK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Head:
    """Where the journal ends: how many lines, and the MAC of the last."""

    count: int = 0
    mac: bytes = _START


@dataclass(slots=True)
class _Chain:
    """What reading the journal from its first line has found."""

    head: Head = field(default_factory=Head)
    size: int = 0
    #: Key fingerprint, connection → the latest time of its lines.
    last_used: dict[str, str] = field(default_factory=dict)
    #: Key fingerprint → when the exchange has answered it last.
    answered: dict[str, str] = field(default_factory=dict)
    #: The highest number of a writing of the vault that a line names.
    vault: int = 0
    #: The MAC after each number of lines that an anchor names.
    at: dict[int, bytes] = field(default_factory=dict)
    #: The first line.
    first: dict[str, Any] = field(default_factory=dict)
    #: From a backup to its restoring: what was written then is not in this journal.
    gaps: list[Gap] = field(default_factory=list)
    #: Bytes of a last line without its end.
    torn: int = 0
    bad: int | None = None


class Journal:
    """The journal of an unlocked keeper.

    A journal that is broken opens too, so that it can be looked at; `append` then raises `JournalBroken`.
    """

    def __init__(self, folder: Path, key: bytes, anchor: Head | None) -> None:
        self.path = folder / "journal.jsonl"
        self._head_path = folder / "journal.head"
        self._key = key
        self._anchor = anchor or Head()
        #: What the file looked like when we last had it in hand.
        self._trusted: tuple[int, ...] = ()
        self.head = Head()
        #: Key fingerprint, connection → the latest time of a line about it, by our clock, which may have been set back.
        self.last_used: dict[str, str] = {}
        #: Key fingerprint → when its exchange has answered it last, not refused it.
        self.answered: dict[str, str] = {}
        #: The highest number of a writing of the vault that a line named when the journal was read.
        self.vault = 0
        self.broken = ""
        self._take_up()

    @property
    def anchor(self) -> Head:
        """The end that the vault is to hold: of a broken journal, the last one that was known."""
        return max(self._anchor, self.head, key=lambda each: each.count)

    def append(self, event: str, **told: object) -> int:
        """Write one line, on disk when this returns, and give its number. Raises `JournalBroken`."""
        if self._trusted != self._state():
            self._take_up()  # touched by another hand since our last line: believed only if it still chains
        if self.broken:
            raise _broken(self.broken)
        line = {"seq": self.head.count + 1, "at": _now(), "event": event, **told}
        body = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode()[:-1]
        mac = self._mac(self.head.mac, body)
        try:
            self._write(body + b',"mac":"' + mac.hex().encode() + b'"}\n')
            head = Head(self.head.count + 1, mac)
            files.replace(self._head_path, self._signed(head))
        except OSError as error:
            self._trusted = ()  # read again before the next line
            raise _broken(f"the journal cannot be written ({error.strerror})") from error
        self.head, self._trusted = head, self._state()
        _note(line, self.last_used, self.answered)
        return head.count

    def verify(self) -> JournalReport:
        """Read every line again and hold the end against the anchors."""
        chain, text = self._check()
        if text:
            text = f"{text[0].upper()}{text[1:]}."
            return JournalReport(intact=False, lines=chain.head.count, first_bad=chain.bad, text=text)
        whole = f"{chain.head.count} lines, each chained to the one before, and none is missing."
        since = datetime.fromisoformat(chain.first["at"]) if chain.first else None
        restarted = chain.first.get("event") == "journal:restart"
        if restarted:
            whole += f" It was begun anew on {since:%Y-%m-%d %H:%M} UTC, and tells nothing of what was before."
        whole += "".join(
            f" A backup of {each.since:%Y-%m-%d %H:%M} UTC was restored on {each.until:%Y-%m-%d %H:%M} UTC: of the "
            "time between, it tells nothing."
            for each in chain.gaps
        )
        return JournalReport(True, chain.head.count, None, whole, since, restarted, tuple(chain.gaps))

    def rows(self, limit: int, connection: str = "", since: str = "", until: str = "") -> list[JournalRow]:
        """The last uses of keys, newest first, or those of a time without its end: a use and its answer are one row.

        A clock may have been set back: the whole journal is looked at for those of a time.
        """
        begin, end = (datetime.fromisoformat(each) if each else None for each in (since, until))
        answers: dict[int, Mapping[str, Any]] = {}
        found: list[JournalRow] = []
        try:
            for line in map(_parsed, _backwards(self.path)):
                if line.get("event") == "key:answer":
                    answers[line["of"]] = line
                elif line.get("event") == "key:use":
                    answer = answers.pop(line["seq"], {})
                    row = _row(line, answer)
                    if (not connection or row.connection == connection) and _within(row.time, begin, end):
                        found.append(row)
                if len(found) >= limit:
                    break
        except (KeyError, ValueError, TypeError):
            raise _broken("the journal holds a line that the keeper did not write") from None
        return found

    def restart(self, why: str) -> str:
        """Put a broken journal aside, under a name that says when, and begin a new one, whose first line tells of it.

        Gives the old one's name; empty where none was left. Raises `JournalBroken`, and then it is as broken as before.
        """
        found, lost = self._check()[1], self.anchor
        aside = (
            self.path.with_name(f"journal-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.jsonl") if self.path.exists() else None
        )
        try:
            if aside is not None:
                self.path.rename(aside)
            self._head_path.unlink(missing_ok=True)
        except OSError as error:
            raise _broken(f"the journal cannot be put aside ({error.strerror})") from error
        name = aside.name if aside else ""
        self._anchor = self.head = Head()
        self._take_up()
        try:
            self.append("journal:restart", why=why, aside=name, found=found, lines=lost.count, end=lost.mac.hex())
        except JournalBroken:
            self._anchor, self.head, self._trusted = lost, Head(), ()
            raise
        return name

    def restored(self, backup: str) -> None:
        """Keep that this journal is of a backup of that time: what was written between then and now is not in it.

        Raises `KeeperError` for what is no time, `JournalBroken`.
        """
        try:
            made_at = datetime.fromisoformat(backup).astimezone(UTC)
        except ValueError:
            raise KeeperError("bad_call", "The keeper does not understand this time.") from None
        self.append("journal:restored", backup=plain(made_at))

    def _take_up(self) -> None:
        """Read the whole journal and go on where it ends, if it is whole."""
        try:
            chain, self.broken = self._check()
            if not self.broken:
                if chain.torn:
                    os.truncate(self.path, chain.size)  # a line that was never finished: its key was not used
                self.head = chain.head
            self.last_used, self.answered, self.vault = chain.last_used, chain.answered, chain.vault
            self._trusted = self._state()
        except OSError as error:
            self.broken, self._trusted = f"the journal cannot be read ({error.strerror})", ()

    def _check(self) -> tuple[_Chain, str]:
        anchors, outside = [self._anchor, self.head], None
        with contextlib.suppress(FileNotFoundError):
            raw = self._head_path.read_bytes()
            outside = _head(raw)
            if outside is None or not hmac.compare_digest(self._signed(outside), raw):
                return _Chain(), "journal.head, which says where the journal ends, was altered"
            anchors.append(outside)
        chain = self._read({each.count for each in anchors})
        if chain.bad is not None:
            return chain, f"line {chain.bad} of the journal is not as it was written"
        for each in anchors:
            if each.count > chain.head.count:
                chain.bad = chain.head.count + 1
                return chain, f"the journal ends at line {chain.head.count}; {each.count} were written"
            if not hmac.compare_digest(chain.at.get(each.count, b""), each.mac):
                chain.bad = each.count
                return chain, f"line {each.count} of the journal is not the one that was written"
        if outside is None and (self._anchor.count or chain.head.count > 1):
            return chain, "journal.head, which says where the journal ends, is gone"
        return chain, ""

    def _read(self, counts: set[int]) -> _Chain:
        chain = _Chain(at={0: _START})
        if not self.path.exists():
            return chain
        with self.path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                if not raw.endswith(b"\n") and number > max(counts):
                    chain.torn = len(raw)
                    break
                mac = self._line_mac(chain.head.mac, raw)
                if mac is None:
                    chain.bad = number
                    break
                chain.head = Head(number, mac)
                chain.size += len(raw)
                if number in counts:
                    chain.at[number] = mac
                line = _parsed(raw)
                _note(line, chain.last_used, chain.answered)
                chain.first = chain.first or line
                if line.get("event") == "journal:restored":
                    chain.gaps.append(Gap(*sorted(datetime.fromisoformat(line[end]) for end in ("backup", "at"))))
                chain.vault = max(chain.vault, line.get("vault", 0))
        return chain

    def _line_mac(self, before: bytes, raw: bytes) -> bytes | None:
        """The MAC of a line as it stands there, or None if it is not the right one."""
        body, told = raw[:-75], raw[-75:]
        mac = self._mac(before, body)
        return mac if hmac.compare_digest(told, b',"mac":"' + mac.hex().encode() + b'"}\n') else None

    def _write(self, line: bytes) -> None:
        new = not self.path.exists()
        if new and self.head.count:
            raise FileNotFoundError(2, "it is gone")
        flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | (os.O_CREAT | os.O_EXCL if new else 0)
        handle = os.open(self.path, flags, 0o600)
        try:
            size = os.fstat(handle).st_size
            try:
                files.write_all(handle, line)
                os.fsync(handle)
            except OSError:
                os.ftruncate(handle, size)
                raise
        finally:
            os.close(handle)
        if new:
            files.sync_folder(self.path.parent)

    def _state(self) -> tuple[int, ...]:
        """What changes when another hand touches the file; its change time cannot be set back."""
        try:
            told = self.path.stat()
        except OSError:
            return ()
        return told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns

    def _mac(self, before: bytes, body: bytes) -> bytes:
        return hmac.digest(self._key, before + body, "sha256")

    def _signed(self, head: Head) -> bytes:
        told = f"{head.count} {head.mac.hex()}"
        return f"{told} {hmac.digest(self._key, b'head ' + told.encode(), 'sha256').hex()}\n".encode()


def _note(line: Mapping[str, Any], last_used: dict[str, str], answered: dict[str, str]) -> None:
    if line["event"] in ("key:use", "key:answer", "connection:admit"):
        for name in (line["key"], line["connection"]):
            last_used[name] = max(last_used.get(name, ""), line["at"])
    if line["event"] == "key:answer" and line["status"] == 200:
        answered[line["key"]] = max(answered.get(line["key"], ""), line["at"])


def _head(raw: bytes) -> Head | None:
    try:
        count, mac, _ = raw.decode("ascii").split(" ")
        return Head(int(count), bytes.fromhex(mac))
    except ValueError:
        return None


def _parsed(raw: bytes) -> dict[str, Any]:
    try:
        line = json.loads(raw)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}


def _row(line: Mapping[str, Any], answer: Mapping[str, Any]) -> JournalRow:
    return JournalRow(
        time=datetime.fromisoformat(line["at"]),
        connection=line["connection"],
        key=line["key"],
        exchange=line["exchange"],
        read=line["read"],
        status=str(answer.get("status", "none")),
        egress_ip=answer.get("egress_ip"),
        ms=answer.get("ms"),
    )


def _within(time: datetime, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or since <= time) and (until is None or time < until)


def _backwards(path: Path) -> Iterator[bytes]:
    """The lines of a file from the last to the first, without reading what is not asked for."""
    if not path.exists():
        return
    with path.open("rb") as file:
        at, rest = file.seek(0, os.SEEK_END), b""
        while at:
            step = min(_BLOCK, at)
            at -= step
            file.seek(at)
            rest, *lines = (file.read(step) + rest).split(b"\n")
            yield from (line for line in reversed(lines) if line)
        if rest:
            yield rest


def _broken(text: str) -> JournalBroken:
    return JournalBroken(
        "journal_broken",
        f"No key is used, because {text}.",
        "Make room, or mend the rights of the file, if it cannot be written. If it was altered, find out by whom; "
        "then `tallyglass journal restart` puts it aside and begins a new one.",
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
