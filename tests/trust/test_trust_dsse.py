"""DSSE against the specification's own test vector, and envelopes that are not what they should be."""

import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from charter.runtime.failure import Failure
from charter.runtime.trust import dsse, keys

KEY = keys.generate()
KNOWN = {KEY.public.id: KEY.public}


def test_the_specification_s_vector():
    """protocol.md, "Test Vectors": the ECDSA signature there is over our encoding."""
    message = dsse.pae("http://example.com/HelloWorld", b"hello world")
    assert message == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    public = ec.EllipticCurvePublicNumbers(
        46950820868899156662930047687818585632848591499744589407958293238635476079160,
        5640078356564379163099075877009565129882514886557779369047442380624545832820,
        ec.SECP256R1(),
    ).public_key()
    signature = base64.b64decode(
        "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="
    )
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    public.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))


@given(st.text(max_size=20), st.binary(max_size=20), st.text(max_size=20), st.binary(max_size=20))
def test_the_encoding_is_unambiguous(kind, body, other_kind, other_body):
    same = (kind, body) == (other_kind, other_body)
    assert (dsse.pae(kind, body) == dsse.pae(other_kind, other_body)) is same


def test_round_trip_and_url_safe_base64():
    sealed = dsse.seal("a/b", b"\xff\xfe\xfd???>>>", [KEY])
    assert dsse.open_envelope(sealed, "a/b", KNOWN) == (b"\xff\xfe\xfd???>>>", frozenset(KNOWN))
    document = json.loads(sealed)
    document["payload"] = document["payload"].replace("+", "-").replace("/", "_")
    document["signatures"][0].pop("keyid")
    document["signatures"][0]["sig"] = document["signatures"][0]["sig"].replace("+", "-").replace("/", "_")
    assert dsse.open_envelope(json.dumps(document).encode(), "a/b", KNOWN)[1] == frozenset(KNOWN)


def test_a_signature_for_one_type_is_none_for_another():
    document = json.loads(dsse.seal("a/b", b"text", [KEY]))
    document["payloadType"] = "a/c"
    assert dsse.open_envelope(json.dumps(document).encode(), "a/c", KNOWN)[1] == frozenset()


def test_a_key_id_is_only_a_hint():
    stranger = keys.generate()
    document = json.loads(dsse.seal("a/b", b"text", [stranger]))
    document["signatures"][0]["keyid"] = KEY.public.id
    assert dsse.open_envelope(json.dumps(document).encode(), "a/b", KNOWN)[1] == frozenset()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b'{"payload":1,"payloadType":"a/b","signatures":[]}',
        b'{"payload":"*","payloadType":"a/b","signatures":[]}',
        b'{"payload":"","payloadType":"other","signatures":[]}',
        b'{"payload":"","payloadType":"a/b","signatures":[{"sig":"%%%","keyid":""}]}',
        b'{"payload":"","payloadType":"a/b","signatures":[' + b",".join([b'{"sig":""}'] * 101) + b"]}",
        b" " * (5 * 1024 * 1024),
    ],
)
def test_broken_envelopes(data):
    with pytest.raises(Failure, match="not a signed envelope"):
        dsse.open_envelope(data, "a/b", KNOWN)


def test_every_flipped_bit_is_noticed():
    sealed = dsse.seal("a/b", b"text", [KEY])
    for index in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[index // 8] ^= 1 << (index % 8)
        try:
            payload, signed = dsse.open_envelope(bytes(changed), "a/b", KNOWN)
        except Failure:
            continue
        assert not signed or payload == b"text"
