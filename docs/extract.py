#!/usr/bin/env python3
"""Get everything out of a firekeep repository, without firekeep.

    pip install cryptography zstandard blake3
    python extract.py REPOSITORY_DIR [KEY_FILE] list
    python extract.py REPOSITORY_DIR [KEY_FILE] get --output FOLDER [--snapshot ID] [--only CONTENT] [--prefix NAME]

REPOSITORY_DIR is a folder with the objects of a repository: download a bucket with the store's own tool first. Instead
of KEY_FILE: `--passphrase FILE` (its first line), `--kit FILE` (what a recovery kit has between its two marks), or
nothing for a repository that is not encrypted. ID is a snapshot's id or the beginning of one; without it, the newest.
`get` makes, in a new FOLDER:

    entries.jsonl      a document a line: path, createTime, updateTime, fields as Firestore's REST JSON, nothing rounded
    files/BUCKET/NAME  stored files, each proven by its checksum; what is no file name is written %XX
    files.jsonl        a file a line: bucket, name, where it is in FOLDER, and all its metadata
    users.jsonl, settings.jsonl   a record a line: its name and its value
    DAMAGE.txt         only when something is lost: what, and why

Every byte is proven: by the tag of its encryption, by its id (a keyed hash that what names it holds) and files by
their checksum. What is damaged is passed over, named on standard error and in DAMAGE.txt, and ends in status 1.
docs/format.md describes the bytes; this script follows it and nothing else.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import math
import re
import struct
import sys
import unicodedata
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import zstandard
from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

LEAF, NODE, CHUNK = 1, 2, 3
ZSTD, PATCH, ENCRYPTED = 1, 2, 4
LONGEST = 1 << 28


class Damaged(Exception):
    """Something is not what was written."""


class Unusable(Exception):
    """The question cannot be answered at all: no repository, no key that opens it, no such snapshot."""


class Place(NamedTuple):
    """Where a blob is: its pack's file, and what of it."""

    pack: str
    offset: int
    length: int
    raw: int
    kind: int


# Keys


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def derived(master: bytes, repository: bytes, name: str) -> bytes:
    return HKDF(SHA256(), 32, salt=repository, info=b"firekeep/1/" + name.encode()).derive(master)


def key_of_file(text: str) -> bytes:
    """The key in `firekeep-key-1 BASE64`."""
    prefix, _, encoded = text.strip().partition(" ")
    key = base64.b64decode(encoded)
    if prefix != "firekeep-key-1" or len(key) != 32:
        raise Unusable("the key file is none: it does not read `firekeep-key-1 ...`")
    return key


def key_of_kit(text: str) -> bytes:
    """The key on a recovery kit: 9 groups of 8 signs, the last two of each against typing errors."""
    inside = text.upper().rpartition("BEGIN FIREKEEP KIT-----")[2].partition("-----END")[0]
    signs = re.sub(r"[^0-9A-Z]", "", re.sub(r"\b\d{1,2}[:.)]", " ", inside)).translate(
        str.maketrans("ILO", "110")
    )
    whole = 0
    for at, sign in enumerate(signs):
        if at % 8 < 6:
            whole = whole << 5 | "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(sign)
    key = (whole >> 14).to_bytes(34, "big")[2:] if len(signs) == 72 else b""
    checksum = int.from_bytes(blake3(b"firekeep/1/kit" + key).digest()[:2], "big") >> 2
    if len(key) != 32 or whole & 0x3FFF != checksum:
        raise Unusable("the kit's key is mistyped: compare it with the paper")
    return key


def stretched(phrase: str, given: dict[str, Any]) -> bytes:
    n, r, p, salt = given["n"], given["r"], given["p"], base64.b64decode(given["salt"])
    if n > 1 << 20 or r > 16 or p > 4 or 128 * n * r > 1 << 30:
        raise Damaged("a wrapped key asks for more work than is safe")
    return Scrypt(salt=salt, length=32, n=n, r=r, p=p).derive(unicodedata.normalize("NFKC", phrase).encode())


def unwrapped(folder: Path, repository: bytes, secrets: dict[str, Any]) -> bytes:
    """The master key, out of the first object of `keys/` that a secret opens."""
    for path in sorted((folder / "keys").glob("*")):
        data = path.read_bytes()
        if blake3(data).hexdigest() != path.name:
            continue
        wrapped = json.loads(data)
        ring = wrapped["ring"]
        if wrapped["repository"] != repository.hex() or ring not in secrets:
            continue
        bound = {"context": repository.hex(), "ring": ring, "parameters": wrapped["parameters"]}
        key = secrets[ring] if ring == "file" else stretched(secrets[ring], wrapped["parameters"])
        sealed = base64.b64decode(wrapped["data"])
        try:
            return AESGCM(key).decrypt(sealed[:12], sealed[12:], b"firekeep/1/wrap/" + canonical(bound))
        except InvalidTag:
            continue
    raise Unusable("no wrapped key in `keys/` is whole and opens with what was given")


# Objects


class Repository:
    """An opened repository. `lost` is told of everything that is damaged."""

    def __init__(self, folder: Path, secrets: dict[str, Any], lost: Callable[[str], None]) -> None:
        self.folder = folder
        self.lost = lost
        try:
            envelope = json.loads((folder / "config").read_bytes())
            body = envelope["config"]
            repository = bytes.fromhex(body["repository"])
        except (OSError, ValueError, KeyError, TypeError):
            raise Unusable(f"{folder} holds no repository: its `config` is missing or damaged") from None
        if blake3(canonical(body)).hexdigest() != envelope["digest"] or body["format"] != 1:
            raise Unusable("`config` is damaged, or of another version of the format")
        self.encrypted: bool = body["options"]["encryption"]
        clear = body["clearMaster"]
        master = base64.b64decode(clear) if clear else unwrapped(folder, repository, secrets)
        if blake3(canonical(body), key=derived(master, repository, "config")).hexdigest() != envelope["mac"]:
            raise Unusable("`config` was changed by someone without the key")
        self.id_key = derived(master, repository, "id")
        self.metadata_key = derived(master, repository, "metadata")
        self.blob_key = AESGCM(derived(master, repository, "blob key"))
        self.places: dict[bytes, list[Place]] = {}
        self._load_index()

    def opened(self, label: bytes, sealed: bytes, what: str) -> bytes:
        """Sealed metadata: a pack's table, an index, a manifest."""
        if sealed[:1] != (b"\x01" if self.encrypted else b"\x00"):
            raise Damaged(f"{what} is not sealed as this repository seals")
        if self.encrypted:
            try:
                return AESGCM(self.metadata_key).decrypt(sealed[1:13], sealed[13:], label + b"\x01")
            except (InvalidTag, ValueError):
                raise Damaged(f"{what} is damaged") from None
        expected = blake3(label + b"\x00" + sealed[33:], key=self.metadata_key).digest()
        if not hmac.compare_digest(sealed[1:33], expected):
            raise Damaged(f"{what} is damaged")
        return sealed[33:]

    def _load_index(self) -> None:
        """All of `index/`. When one of them is damaged, the tables of all packs as well."""
        self.tables_read = False
        for path in sorted((self.folder / "index").glob("*")):
            try:
                self._add_index(path)
            except (Damaged, struct.error, OSError) as error:
                self.lost(f"index/{path.name}: {error}; the packs' own tables are read instead")
                self._load_tables()

    def _load_tables(self) -> None:
        """The tables of all packs, once: they say the same as all of `index/`."""
        if self.tables_read:
            return
        self.tables_read = True
        for path in sorted((self.folder / "packs").glob("*/*")):
            try:
                self._add_table(path)
            except (Damaged, struct.error, OSError) as error:
                self.lost(f"packs/{path.parent.name}/{path.name}: {error}")

    def _add_index(self, path: Path) -> None:
        data = path.read_bytes()
        if data[:8] != b"FKINDEX\x01":
            raise Damaged("does not begin as an index")
        plain = self.opened(b"firekeep/1/index", data[8:], "it")
        packs, rows = struct.unpack_from("<II", plain)
        names = {plain[at : at + 8]: plain[at : at + 32].hex() for at in range(8, 8 + 40 * packs, 40)}
        for at in range(8 + 40 * packs, 8 + 40 * packs + 61 * rows, 61):
            blob, pack, _, offset, length, raw, kind = struct.unpack_from("<32s8s8sIIIB", plain, at)
            self._add(blob, Place(names[pack], offset, length, raw, kind))

    def _add_table(self, path: Path) -> None:
        data = path.read_bytes()
        if data[:8] != b"FKPACK\x01\x00" or data[-4:] != b"FKPE":
            raise Damaged("does not begin or end as a pack")
        start = len(data) - 8 - struct.unpack("<I", data[-8:-4])[0]
        table = self.opened(b"firekeep/1/pack table", data[start:-8], "its table")
        for blob, kind, offset, length, raw, _ in struct.iter_unpack("<32sBIII32s", table):
            self._add(blob, Place(path.name, offset, length, raw, kind))

    def _add(self, blob: bytes, place: Place) -> None:
        known = self.places.setdefault(blob, [])
        if place not in known:
            known.append(place)

    def blob(self, kind: int, blob_id: bytes) -> bytes:
        """The plaintext of a blob, from whichever of its copies is whole."""
        if blob_id not in self.places:
            self._load_tables()
        why = "no index and no pack names it"
        for place in self.places.get(blob_id, []):
            if place.kind != kind:
                continue
            try:
                return self._blob_at(blob_id, place)
            except (Damaged, OSError, zstandard.ZstdError) as error:
                why = f"in packs/{place.pack[:2]}/{place.pack}: {error}"
        raise Damaged(f"blob {blob_id.hex()}: {why}")

    def _blob_at(self, blob_id: bytes, place: Place) -> bytes:
        with (self.folder / "packs" / place.pack[:2] / place.pack).open("rb") as pack:
            pack.seek(place.offset)
            sealed = pack.read(place.length)
        if len(sealed) != place.length or place.length < 1:
            raise Damaged("the pack is too short")
        flags, at = sealed[0], 33 if sealed[0] & PATCH else 1
        if flags > 7 or bool(flags & ENCRYPTED) != self.encrypted or flags & 3 == PATCH:
            raise Damaged("its flags are wrong")
        payload = sealed[at:]
        if self.encrypted:
            bound = b"firekeep/1/blob" + bytes((place.kind,)) + blob_id + sealed[:at]
            try:
                payload = self.blob_key.decrypt(payload[:12], payload[12:], bound)
            except (InvalidTag, ValueError):
                raise Damaged("its tag does not match") from None
        data = payload
        if flags & ZSTD:
            base = self.blob(place.kind, sealed[1:33]) if flags & PATCH else None
            data = decompressed(payload, place.raw, base)
        if blake3(bytes((place.kind,)) + data, key=self.id_key).digest() != blob_id:
            raise Damaged("its content does not have its id")
        return data

    def snapshots(self) -> dict[str, dict[str, Any]]:
        """The manifests of all snapshots that are whole, by id."""
        found = {}
        for path in sorted((self.folder / "snapshots").glob("*")):
            try:
                data = path.read_bytes()
                if data[:8] != b"FKSNAP\x01\x00":
                    raise Damaged("does not begin as a snapshot")
                label = b"firekeep/1/snapshot/" + path.name.encode()
                found[path.name] = json.loads(self.opened(label, data[8:], "it"))
            except (Damaged, OSError) as error:
                self.lost(f"snapshots/{path.name}: {error}")
        return found


def decompressed(frame: bytes, raw: int, base: bytes | None) -> bytes:
    """One zstd frame; with a base, one that has the base as its dictionary."""
    if raw > LONGEST or zstandard.frame_content_size(frame) != raw:
        raise Damaged("its length is not what the index says")
    if base is None:
        return zstandard.ZstdDecompressor().decompress(frame, max_output_size=raw, allow_extra_data=False)
    known = zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    return zstandard.ZstdDecompressor(dict_data=known).decompress(frame, max_output_size=raw)


# Trees: ordered maps from key to value


def entries(
    repository: Repository, root: dict[str, Any], name: Callable[[bytes], str], lost: Callable[[str], None]
) -> Iterator[tuple[bytes, bytes]]:
    """Everything below a root, in order. What cannot be read is told, and passed over."""
    pending = [(bytes.fromhex(root["id"]), int(root["level"]), int(root["count"]), b"")]
    reached = b""
    while pending:
        blob_id, level, count, last = pending.pop()
        try:
            data = repository.blob(NODE if level else LEAF, blob_id)
            if level:
                pending += [(child, level - 1, below, key) for child, below, key in reversed(children(data))]
                continue
            found = list(pairs(data))
        except (Damaged, struct.error) as error:
            span = f" after {name(reached)}" if reached else " from the beginning"
            span += f" up to {name(last)}" if last else ""
            lost(f"{count} of them{span} are lost: {error}")
            continue
        yield from found
        reached = found[-1][0] if found else reached


def pairs(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    if data[:1] != b"\xa1":
        raise Damaged("it is not a leaf")
    (n,) = struct.unpack_from("<I", data, 1)
    lengths = struct.unpack_from(f"<{2 * n}I", data, 5)
    key, value = 5 + 8 * n, 5 + 8 * n + sum(lengths[:n])
    for key_length, value_length in zip(lengths[:n], lengths[n:], strict=True):
        yield data[key : key + key_length], data[value : value + value_length]
        key, value = key + key_length, value + value_length


def children(data: bytes) -> list[tuple[bytes, int, bytes]]:
    """Of an inner node: each child's id, the entries below it, and its last key."""
    if data[:1] != b"\xb1":
        raise Damaged("it is not an inner node")
    (n,) = struct.unpack_from("<I", data, 1)
    lengths = struct.unpack_from(f"<{n}I", data, 6)
    counts = struct.unpack_from(f"<{n}Q", data, 6 + 4 * n)
    out, at = [], 6 + 52 * n
    for number, length in enumerate(lengths):
        start = 6 + 20 * n + 32 * number
        out.append((data[start : start + 32], counts[number], data[at : at + length]))
        at += length
    return out


# Documents: keys are paths, values are protobuf (google.firestore.v1.Document without its name)


def path_of(key: bytes) -> str:
    """The path of a key: 0x00 separates, 0x01 escapes, 0x01 0x00 begins a number."""
    out, at = b"", 0
    while at < len(key):
        two = key[at : at + 2]
        if two == b"\x01\x00":
            out += b"__id%d__" % (int.from_bytes(key[at + 2 : at + 10], "big") - (1 << 63))
            at += 10
        elif two in (b"\x01\x01", b"\x01\x02"):
            out += b"\x00" if two == b"\x01\x01" else b"\x01"
            at += 2
        else:
            out += b"/" if key[at] == 0 else key[at : at + 1]
            at += 1
    return out.decode(errors="replace")


def fields_of(data: bytes) -> Iterator[tuple[int, Any]]:
    """Field numbers of a protobuf message, each with its number (varint) or its bytes."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
            yield tag >> 3, value - (1 << 64) if value >> 63 else value
            continue
        if tag & 7 not in (1, 2):
            raise Damaged("a field has a form that no document has")
        size, at = (8, at) if tag & 7 == 1 else varint(data, at)
        if at + size > len(data):
            raise Damaged("a field is cut short")
        yield tag >> 3, data[at : at + size]
        at += size


def varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while at < len(data) and shift < 64:
        number |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return number, at
    raise Damaged("a number is cut short")


def document(data: bytes) -> dict[str, Any]:
    times: dict[str, Any] = {}
    fields: list[bytes] = []
    for number, value in fields_of(data):
        if number == 2:
            fields.append(value)
        else:
            times[{3: "createTime", 4: "updateTime"}[number]] = timestamp(value)
    return {**dict(sorted(times.items())), "fields": dict(map(map_entry, fields))}


def map_entry(data: bytes) -> tuple[str, dict[str, Any]]:
    found = dict(fields_of(data))
    return found.get(1, b"").decode(), typed(found[2])


def typed(data: bytes) -> dict[str, Any]:
    """A value under the name of its type."""
    ((number, value),) = fields_of(data)
    name, read = TYPES[number]
    return {name: read(value)}


def double(data: bytes) -> float | str:
    """As JSON can say it; a NaN with unusual bits as `NaN:<hex>`."""
    (number,) = struct.unpack("<d", data)
    if math.isnan(number):
        return "NaN" if data[::-1].hex() == "7ff8000000000000" else f"NaN:{data[::-1].hex()}"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return float(number)


def timestamp(data: bytes) -> str:
    found = dict(fields_of(data))
    whole = (datetime(1970, 1, 1) + timedelta(seconds=found.get(1, 0))).isoformat()  # noqa: DTZ001  # UTC, said below
    return f"{whole}.{found.get(2, 0):09d}".rstrip("0").rstrip(".") + "Z"


def geo_point(data: bytes) -> dict[str, Any]:
    found = dict(fields_of(data))
    return {name: double(found[n]) if n in found else 0.0 for n, name in ((1, "latitude"), (2, "longitude"))}


TYPES: dict[int, tuple[str, Callable[[Any], Any]]] = {
    1: ("booleanValue", bool),
    2: ("integerValue", str),
    3: ("doubleValue", double),
    5: ("referenceValue", bytes.decode),
    6: ("mapValue", lambda data: {"fields": dict(map_entry(value) for _, value in fields_of(data))}),
    8: ("geoPointValue", geo_point),
    9: ("arrayValue", lambda data: {"values": [typed(value) for _, value in fields_of(data)]}),
    10: ("timestampValue", timestamp),
    11: ("nullValue", lambda _: None),
    17: ("stringValue", bytes.decode),
    18: ("bytesValue", lambda data: base64.b64encode(data).decode()),
}


# Files


def media(value: bytes) -> tuple[dict[str, Any], int, bytes]:
    """What is known of a file, the form of its content, and its content."""
    if value[:1] != b"\xd1":
        raise Damaged("it is not the record of a file")
    at = 5 + struct.unpack_from("<I", value, 1)[0]
    return json.loads(value[5:at]), value[at], value[at + 1 :]


def chunks(repository: Repository, form: int, content: bytes) -> Iterator[bytes]:
    """The chunk list of a file: id 32 and length 4 of each."""
    if form == 1:
        yield from (content[at : at + 36] for at in range(0, len(content), 36))
        return
    root = {"id": content[:32].hex(), "level": content[32], "count": struct.unpack_from("<Q", content, 33)[0]}
    for _, chunk in entries(repository, root, bytes.hex, fail):
        yield chunk


def fail(why: str) -> NoReturn:
    raise Damaged(f"of its chunks, {why}")


def write_file(repository: Repository, value: bytes, to: Path) -> None:
    """The bytes of a file. Damaged unless they are whole: by size, and by MD5 or CRC32C."""
    head, form, content = media(value)
    size, md5, crc = 0, hashlib.md5(usedforsecurity=False), 0
    with to.open("wb") as file:
        for chunk in chunks(repository, form, content):
            data = repository.blob(CHUNK, chunk[:32])
            file.write(data)
            size += len(data)
            if "md5Hash" in head:
                md5.update(data)
            else:
                crc = crc32c(data, crc)
    right = crc.to_bytes(4, "big") == base64.b64decode(head["crc32c"])
    if "md5Hash" in head:
        right = md5.digest() == base64.b64decode(head["md5Hash"])
    if size != head["size"] or not right:
        raise Damaged("its bytes do not have its checksum")


def crc32c(data: bytes, crc: int) -> int:
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 255] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def crc_row(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
    return byte


CRC_TABLE = [crc_row(byte) for byte in range(256)]


def file_name(name: str) -> str:
    """A path below one folder: no `..`, nothing empty, nothing that a file system could take for something else."""
    safe = re.sub(
        r"[^\w .()+,=@-]", lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), name
    )
    return re.sub(r"^[. ]|[. ]$", lambda found: f"%{ord(found[0]):02X}", safe) or "%"


# Commands


def listed(repository: Repository) -> None:
    for name, manifest in repository.snapshots().items():
        counts = ", ".join(
            f"{root['count']} {content}" for content, root in sorted(manifest["roots"].items())
        )
        say(f"{name}  as of {manifest['at']}  {counts}")


def got(repository: Repository, options: argparse.Namespace) -> None:
    manifests = repository.snapshots()
    chosen = [one for name, one in manifests.items() if name.startswith(options.snapshot)]
    if options.snapshot in manifests:
        chosen = [manifests[options.snapshot]]
    if not chosen or (options.snapshot and len(chosen) > 1):
        raise Unusable(f"{len(chosen)} readable snapshots are meant by {options.snapshot or 'the newest'!r}")
    manifest = max(chosen, key=lambda one: (one["at"], one["created"]))
    options.output.mkdir()
    for content, root in manifest["roots"].items():
        if not options.only or content in options.only:
            say(f"{content}: {get_content(repository, content, root, options)} written")


def get_content(
    repository: Repository, content: str, root: dict[str, Any], options: argparse.Namespace
) -> int:
    """One content of a snapshot, a line for each record. How many were written."""
    done = 0
    name = path_of if content in ("entries", "settings") else flat_name
    target: Path = options.output / ("files.jsonl" if content == "media" else f"{content}.jsonl")
    with target.open("w", encoding="utf-8") as lines:
        for key, value in entries(repository, root, name, lambda why: repository.lost(f"{content}: {why}")):
            shown = name(key)
            if not (shown + "/").startswith(options.prefix):
                continue
            try:
                line = record(repository, content, shown, value, options.output)
            except (Damaged, LookupError, ValueError, struct.error) as error:
                repository.lost(f"{content}: {shown}: {error}")
                continue
            lines.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
            done += 1
    return done


def record(repository: Repository, content: str, name: str, value: bytes, output: Path) -> dict[str, Any]:
    if content == "entries":
        return {"path": name, **document(value)}
    if content == "media":
        bucket, _, inside = name.partition("/")
        path = save(repository, value, output, [bucket, *inside.split("/")])
        return {"bucket": bucket, "name": inside, "file": path, **media(value)[0]}
    if content == "settings" and value[:1] == b"\xe2":
        return {"name": name, "document": document(value[1:])}
    return {"name": name, "value": json.loads(value[1:] if content == "settings" else value)}


def flat_name(key: bytes) -> str:
    """A bucket and a file's name, or a tenant (or nothing) and an account's id."""
    return key.decode(errors="replace").replace("\x00", "/", 1)


def save(repository: Repository, value: bytes, output: Path, segments: list[str]) -> str:
    """Write a file where its name says; or under a number, where a file system cannot have that name beside others."""
    folder = output / "files"
    folder.mkdir(exist_ok=True)
    part = folder / "%part"
    try:
        write_file(repository, value, part)
    except Damaged:
        part.unlink(missing_ok=True)
        raise
    target = folder.joinpath(*map(file_name, segments))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            raise FileExistsError
        part.rename(target)
    except OSError:
        target = folder / f"%{hashlib.sha256('/'.join(segments).encode()).hexdigest()}"
        part.rename(target)
    return target.relative_to(output).as_posix()


def say(line: str) -> None:
    sys.stdout.write("".join(one if one.isprintable() else ascii(one)[1:-1] for one in line) + "\n")


def main(words: list[str] | None = None) -> int:
    about, _, _ = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(description=about, epilog="The beginning of this file says more.")
    parser.add_argument("repository", type=Path, help="the folder with the repository's objects")
    parser.add_argument("key_file", type=Path, nargs="?", help="the file with its key")
    parser.add_argument(
        "--passphrase", type=Path, metavar="FILE", help="the file with its passphrase instead"
    )
    parser.add_argument(
        "--kit", type=Path, metavar="FILE", help="a file with the recovery kit's text instead"
    )
    parser.add_argument("command", choices=("list", "get"))
    parser.add_argument("--snapshot", default="", metavar="ID", help="which one to get; else the newest")
    parser.add_argument(
        "--only", action="append", metavar="CONTENT", help="entries, media, users or settings"
    )
    parser.add_argument("--prefix", default="", metavar="NAME", help="only what is at or below this name")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="a new folder for what `get` gets")
    options = parser.parse_args(words)
    options.prefix = options.prefix.strip("/") + "/" if options.prefix else ""
    damage: list[str] = []
    try:
        if options.command == "get" and (options.output is None or options.output.exists()):
            raise Unusable("`get` needs --output FOLDER, and a FOLDER that does not exist yet")
        secrets: dict[str, Any] = {}
        if options.key_file:
            secrets["file"] = key_of_file(options.key_file.read_text(encoding="ascii", errors="replace"))
        if options.kit:
            secrets["file"] = key_of_kit(options.kit.read_text(encoding="utf-8"))
        if options.passphrase:
            secrets["passphrase"] = options.passphrase.read_text(encoding="utf-8").split("\n")[0].rstrip("\r")
        repository = Repository(options.repository, secrets, damage.append)
        if options.command == "list":
            listed(repository)
        else:
            got(repository, options)
    except (Unusable, Damaged, OSError, ValueError) as error:
        sys.stderr.write(f"extract: {error}\n")
        return 2
    if damage:
        told = "".join(f"{line}\n" for line in damage)
        sys.stderr.write(f"extract: what is damaged or lost:\n{told}")
        if options.output is not None and options.command == "get":
            (options.output / "DAMAGE.txt").write_text(told, encoding="utf-8")
    return 1 if damage else 0


if __name__ == "__main__":
    sys.exit(main())
