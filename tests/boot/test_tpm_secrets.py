# SPDX-License-Identifier: MIT
"""Where secrets are that the TPM opens or seals: in the store as long as they are kept there, and
nowhere else in the guest's memory behind the answer; nor is a key that opened one. Looks at the
RAM from outside, as test_secrets.py does.
"""

import pytest

from helpers import boot, copies
from tpms import as_bytes, bare, copied, name_of, refusal, told

# ChaCha20-Poly1305 of PLAIN by OpenSSL, with KEY, a nonce of zeros, and the name LONG. Of all of
# these every piece tells.
KEY = "8f14e45fceea167a5a36dedd4bea2543"
PLAIN = "c9f0f895fb98ab9159f51fd0297e236d-45c48cce2e2d7fbdea1afc51c7c6ad26"
VALUE = ("LpBqkawaOyBCNGJkYhFrfaxg9AwkrUZSm1ux9feJSq975kGK3mOBdG3G1EIwHqe7Ed2rb+9yGTVy9f5t"
         "rM4MxhcCFP30Tf+dBGi2Uwl71cym")



@pytest.fixture(name="guest", scope="module")
def fixture_guest(factory, tmp_path_factory):
    state = copied(factory, tmp_path_factory.mktemp("guest") / "state")
    with boot(machine="microvm", tpm="tis", tpm_state=state) as guest:
        yield guest
        assert PLAIN not in guest.console and KEY not in guest.console


def credential(guest, tools, content):
    """The members of a message that only this guest's TPM makes content of."""
    ek, aik = (as_bytes(told(guest, kind)["public"]) for kind in ("ek", "aik"))
    blob, secret = tools.credential(ek, name_of(aik), content.encode())
    return {"credential": bare(blob), "secret": bare(secret)}


def is_gone(guest, text):
    """As it is, and as it passes the wire: of base64 the parts that stand for whole groups."""
    return copies(guest, text) == {0} and copies(guest, bare(text.encode())[:-4]) == {0}


def is_gone_when_sent(guest, text):
    """What a host was told is wiped when the guest next sees that its device has sent it: the device
    may tell so behind the next packet."""
    for _ in range(2):
        told(guest, "capabilities")
    return is_gone(guest, text)


def test_content_of_a_credential(guest, tools):
    told(guest, "inject_sealed_secret", name="SHORT", **credential(guest, tools, KEY))
    assert copies(guest, KEY) == {1}
    told(guest, "delete_secret", name="SHORT")
    assert is_gone(guest, KEY)


def test_value_and_its_key(guest, tools):
    told(guest, "inject_sealed_secret", name="LONG", value=VALUE, **credential(guest, tools, KEY))
    assert is_gone(guest, KEY)
    assert copies(guest, PLAIN) == {1}
    told(guest, "delete_secret", name="LONG")
    assert is_gone(guest, PLAIN)


def test_value_that_is_refused(guest, tools):
    """It was decrypted before its tag was known to be wrong."""
    error = refusal(guest, "inject_sealed_secret", name="OTHER", value=VALUE,
                    **credential(guest, tools, KEY))
    assert error == 'write secret "OTHER": value was not made with this key for this name'
    assert is_gone(guest, KEY) and is_gone(guest, PLAIN)
    assert told(guest, "list_secrets")["secrets"] == []


def test_sealed_and_unsealed(guest):
    sealed = told(guest, "seal", data=bare(PLAIN.encode()))
    assert is_gone(guest, PLAIN)
    assert told(guest, "unseal", **sealed) == {"data": bare(PLAIN.encode())}
    assert is_gone_when_sent(guest, PLAIN)
    refusal(guest, "unseal", pcrs="sha256:0", **sealed)
    told(guest, "inject_sealed_secret", name="SEALED", **sealed)
    assert copies(guest, PLAIN) == {1}
    told(guest, "seal", name="SEALED")
    assert copies(guest, PLAIN) == {1}
    told(guest, "purge_secrets")
    assert is_gone(guest, PLAIN)


def test_opened_credential(guest, tools):
    assert told(guest, "activate_credential", **credential(guest, tools, KEY)) == \
        {"credential": bare(KEY.encode())}
    assert is_gone_when_sent(guest, KEY)
