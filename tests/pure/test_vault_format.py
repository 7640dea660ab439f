"""What a vault's bytes mean: header, ceilings, padding, derivation and sealing."""

import os
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_auth.core.store_errors import StoreNewer, VaultUnreadable
from codex_auth.core.vault_cipher import seal, unseal
from codex_auth.core.vault_header import (
    ARGON2ID,
    KEY_FILE,
    KEYRING,
    LANES_AT_MOST,
    MEMORY_AT_MOST,
    PASSES_AT_MOST,
    PASSPHRASE,
    SCRYPT,
    Derivation,
    Header,
    read_header,
    write_header,
)
from codex_auth.core.vault_kdf import STRONG, STRONG_SCRYPT, derive, strongest
from codex_auth.core.vault_layout import HEADER_BYTES, NONCE, STEP, TAG_BYTES, pack, walk

KEY = bytes(range(32))
PLAIN = Header(source=KEY_FILE, derivation=None, vault_id=b"v" * 16, generation=7, nonce=b"n" * 12)
BODY = bytes(STEP + TAG_BYTES)

headers = st.builds(
    Header,
    source=st.just(PASSPHRASE),
    derivation=st.builds(
        Derivation,
        name=st.just(ARGON2ID),
        memory=st.integers(8 * LANES_AT_MOST, MEMORY_AT_MOST),
        passes=st.integers(1, PASSES_AT_MOST),
        lanes=st.integers(1, LANES_AT_MOST),
        salt=st.binary(min_size=16, max_size=16),
    ),
    vault_id=st.binary(min_size=16, max_size=16),
    generation=st.integers(0, 2**64 - 1),
    nonce=st.binary(min_size=12, max_size=12),
)


@given(headers)
def test_a_header_comes_back(header: Header) -> None:
    """What is written is read, in every field."""
    assert read_header(write_header(header) + BODY, path="v") == header


@pytest.mark.parametrize("source", [KEY_FILE, KEYRING])
def test_sources_without_a_derivation(source: str) -> None:
    """A kept key needs none."""
    header = replace(PLAIN, source=source)

    assert read_header(write_header(header) + BODY, path="v") == header


REASONABLE = [STRONG, STRONG_SCRYPT, replace(STRONG, memory=MEMORY_AT_MOST, passes=PASSES_AT_MOST, lanes=8)]
UNREASONABLE = [
    replace(STRONG, memory=MEMORY_AT_MOST + 1),
    replace(STRONG, memory=64 * 1024 * 1024),
    replace(STRONG, memory=2**32 - 1),
    replace(STRONG, memory=8 * STRONG.lanes - 1),
    replace(STRONG, memory=0),
    replace(STRONG, passes=PASSES_AT_MOST + 1),
    replace(STRONG, passes=0),
    replace(STRONG, passes=2**32 - 1),
    replace(STRONG, lanes=LANES_AT_MOST + 1),
    replace(STRONG, lanes=0),
    replace(STRONG_SCRYPT, memory=2 * MEMORY_AT_MOST),
    replace(STRONG_SCRYPT, memory=2**26),
    replace(STRONG_SCRYPT, memory=2**17 + 1),
    replace(STRONG_SCRYPT, memory=1),
    replace(STRONG_SCRYPT, memory=0),
    replace(STRONG_SCRYPT, passes=2),
    replace(STRONG_SCRYPT, lanes=LANES_AT_MOST + 1),
]


@pytest.mark.parametrize("derivation", REASONABLE)
def test_reasonable_parameters(derivation: Derivation) -> None:
    """Ours are, and so is everything up to the ceilings."""
    header = replace(PLAIN, source=PASSPHRASE, derivation=derivation)

    assert read_header(write_header(header) + BODY, path="v") == header


@pytest.mark.parametrize("derivation", UNREASONABLE)
def test_unreasonable_parameters(derivation: Derivation) -> None:
    """A header that asks for more than the ceilings, or for nothing, is refused before anybody derives."""
    header = replace(PLAIN, source=PASSPHRASE, derivation=derivation)

    with pytest.raises(VaultUnreadable):
        read_header(write_header(header) + BODY, path="v")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0" * 2000,
        write_header(PLAIN),
        write_header(PLAIN) + BODY[:-1],
        write_header(PLAIN) + BODY + b"\0",
        write_header(PLAIN) + bytes(TAG_BYTES),
        b"X" + write_header(PLAIN)[1:] + BODY,
        write_header(PLAIN)[:8] + b"\0" + write_header(PLAIN)[9:] + BODY,
        write_header(PLAIN)[:9] + b"\0" + write_header(PLAIN)[10:] + BODY,
        write_header(PLAIN)[:9] + b"\4" + write_header(PLAIN)[10:] + BODY,
        write_header(PLAIN)[:9] + b"\2" + write_header(PLAIN)[10:] + BODY,
        write_header(PLAIN)[:10] + b"\1" + write_header(PLAIN)[11:] + BODY,
        write_header(PLAIN)[:10] + b"\3" + write_header(PLAIN)[11:] + BODY,
        write_header(PLAIN)[:11] + b"\1" + write_header(PLAIN)[12:] + BODY,
    ],
)
def test_what_is_no_header(raw: bytes) -> None:
    """Anything that we would not have written is refused."""
    with pytest.raises(VaultUnreadable):
        read_header(raw, path="v")


def test_a_later_version_is_named() -> None:
    """Who has a newer vault is told to update, not that it is damaged."""
    raw = write_header(PLAIN)

    with pytest.raises(StoreNewer, match="has version 2"):
        read_header(raw[:8] + b"\2" + raw[9:], path="v")


@given(st.dictionaries(st.from_regex(r"[a-z0-9][a-z0-9._@+-]{0,63}", fullmatch=True), st.binary(max_size=3000)))
def test_records_come_back(records: dict[str, bytes]) -> None:
    """Names and entries are unpacked in order, whatever bytes an entry has, and sizes are whole steps."""
    text = pack(records)

    assert list(walk(text)) == list(records.items())
    assert len(text) % STEP == 0
    assert len(text) - sum(5 + len(name) + len(entry) for name, entry in records.items()) <= STEP


def test_a_size_says_little() -> None:
    """Tokens that differ by some characters make vaults of one size."""
    sizes = {len(pack({"work": b"x" * size})) for size in range(100, 900)}

    assert sizes == {STEP}


def test_only_its_own_key_opens_a_vault() -> None:
    """Another key, another header and another version are None."""
    vault = seal(KEY, write_header(PLAIN), pack({"work": b"{}"}))

    assert unseal(KEY, vault) == pack({"work": b"{}"})
    assert unseal(bytes(32), vault) is None
    assert unseal(KEY, write_header(replace(PLAIN, generation=8)) + vault[HEADER_BYTES:]) is None
    assert unseal(KEY, b"") is None
    assert write_header(PLAIN)[NONCE] == PLAIN.nonce


def test_the_short_way_to_aes_gcm_is_the_public_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is loaded quickly is what `cryptography` offers by name, and without the short way it is taken there."""
    from cryptography.hazmat.bindings import _rust
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from codex_auth.core import vault_cipher

    assert vault_cipher._aes_gcm() is AESGCM
    monkeypatch.delattr(_rust.openssl, "aead")
    assert vault_cipher._aes_gcm() is AESGCM


def test_the_parameters_of_new_keys() -> None:
    """RFC 9106's second recommendation, or N = 2¹⁷, r = 8, p = 1."""
    assert (STRONG.name, STRONG.memory, STRONG.passes, STRONG.lanes) == ("argon2id", 65_536, 3, 4)
    assert (STRONG_SCRYPT.name, STRONG_SCRYPT.memory, STRONG_SCRYPT.lanes) == ("scrypt", 2**17, 1)
    assert strongest() == STRONG


def test_without_argon2_there_is_scrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    """An older `cryptography`, or one on an older OpenSSL, makes keys with scrypt."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.kdf import argon2

    def refuse(**_options: object) -> None:
        raise UnsupportedAlgorithm("")

    monkeypatch.setattr(argon2, "Argon2id", refuse)
    assert strongest() == STRONG_SCRYPT
    monkeypatch.delattr(argon2, "Argon2id")
    assert strongest() == STRONG_SCRYPT


def test_known_answers() -> None:
    """Keys are those of the standard library's scrypt, and Argon2id's are what they always were."""
    import hashlib

    small = Derivation(name=SCRYPT, memory=16, passes=1, lanes=2, salt=b"s" * 16)

    assert derive(small, "pass") == hashlib.scrypt(b"pass", salt=b"s" * 16, n=16, r=8, p=2, dklen=32)
    argon = Derivation(name=ARGON2ID, memory=64, passes=2, lanes=2, salt=b"s" * 16)
    assert derive(argon, "pass").hex() == "4f8cd35af42e0ec12eb4f2100c35ae59dee4b0c4975983e6ec979d39154ff7f3"


def test_composed_and_decomposed_letters_are_one_passphrase() -> None:
    """A passphrase with an umlaut works from every keyboard."""
    cheap = Derivation(name=SCRYPT, memory=2, passes=1, lanes=1, salt=os.urandom(16))

    assert derive(cheap, "m\u00fcsli") == derive(cheap, "mu\u0308sli")
    assert derive(cheap, "musli") != derive(cheap, "m\u00fcsli")
