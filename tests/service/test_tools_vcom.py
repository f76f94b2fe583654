# SPDX-License-Identifier: MIT
"""mote vcom, as somebody in the guest runs it: what it prints of each answer, and where it has its
input from.
"""

import base64

import pytest

import vcom
from helpers import PATIENCE
from tool import FAILED

GENERATIONS = ("json", "http")


def text(data):
    return base64.b64encode(data).decode()


EK, AIK = (vcom.PUBLIC[index] for index in (vcom.EK, vcom.AIK))


@pytest.fixture(name="link")
def fixture_link(tool):
    return lambda *arguments, **options: vcom.VComLink(f"{tool.place}_{vcom.PORT}", *arguments,
                                                       **options)


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("options,output", [
    ([], f"{text(EK)}\n"), (["--json"], f'{{"ek":"{text(EK)}"}}\n')])
def test_ek(tool, link, generation, options, output):
    with link(generation):
        assert tool.run("mote", "vcom", "ek", *options) == (0, output, "")


@pytest.mark.parametrize("generation", GENERATIONS)
def test_ek_as_bytes(tool, link, generation):
    with link(generation), tool.start("mote", "vcom", "ek", "--raw") as process:
        output, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, output, errors) == (0, EK, b"")


def test_numbers_and_bytes(tool, link):
    with link():
        assert tool.run("mote", "vcom", "getpub", "--index", "0x81000001") == (
            0, f"public: {text(EK)}\nalgorithm: 1\nattributes: 196786\n", "")
        assert tool.run("mote", "vcom", "getpub", "--index", "2164260865", "--json") == (
            0, f'{{"public":"{text(EK)}","algorithm":1,"attributes":196786}}\n', "")


def test_certificate(tool, link):
    certificate = vcom.NV[vcom.CERTIFICATE]
    with link():
        assert tool.run("mote", "vcom", "readnv", "--index", "0x01C00002") == (
            0, f"data: {text(certificate)}\n", "")
        with tool.start("mote", "vcom", "readnv", "--index=0x1c00002", "--raw") as process:
            assert process.communicate(timeout=PATIENCE) == (certificate, b"")


def test_nothing_to_read(tool, link):
    with link():
        for options, output in ([], ""), (["--raw"], ""), (["--json"], "{}\n"):
            assert tool.run("mote", "vcom", "readnv", "--index", "0x1500000", *options) == (
                0, output, "")


def test_key_and_its_name(tool, link):
    with link():
        assert tool.run("mote", "vcom", "activatecredparams", "--index", hex(vcom.AIK)) == (
            0, f"ek: {text(EK)}\naik_pub: {text(AIK)}\naik_name: {text(vcom.name_of(AIK))}\n", "")
        status, output, errors = tool.run("mote", "vcom", "certifykey", "--index", hex(vcom.ECDH))
    assert (status, errors) == (0, "")
    assert [line.split(":")[0] for line in output.splitlines()] == ["public", "sig", "attest"]


def test_input_is_a_file_or_the_standard_input(tool, link):
    data = bytes(range(256)) * 200
    file = tool.directory / "data"
    file.write_bytes(data)
    with link() as host:
        for path in (str(file), "-"):
            assert tool.run("mote", "vcom", "sign", "--index", hex(vcom.AIK), "--data", path,
                            give=data) == (
                0, f"algorithm: RSASSA\nrsa_signature: {text(vcom.signature(data))}\n"
                "rsa_hash: SHA256\n", "")
    assert host.broken == 0


def test_credential(tool, link):
    """Two files; one of them may be the standard input."""
    cred, secret = b"\0\x04cred", b"\0\x06secret"
    file = tool.directory / "cred"
    file.write_bytes(cred)
    with link():
        assert tool.run("mote", "vcom", "activatecred", "--index", hex(vcom.AIK), "--cred",
                        str(file), "--secret", "-", give=secret) == (
            0, f"secret: {text(vcom.secret_of(cred, secret))}\n", "")


@pytest.mark.parametrize("size,said", [
    (65536, "more than a host reads, 65535 bytes"), (None, "no such file or directory")])
def test_input_that_cannot_be_had(tool, size, said):
    file = tool.directory / "data"
    words = ["vcom", "sign", "--index", "1", "--data"]
    if size:
        file.write_bytes(bytes(size))
        assert tool.run("mote", *words, "-", give=bytes(size)) == (FAILED, "", f"mote: -: {said}\n")
    assert tool.run("mote", *words, str(file)) == (FAILED, "", f"mote: {file}: {said}\n")


def test_host_that_says_no(tool, link):
    with link():
        assert tool.run("mote", "vcom", "readnv", "--index", "0x1800000") == (
            FAILED, "", "mote: the host refuses: 500: failed to read NV: "
            "reading NV index 1800000 is not allowed\n")
    with link("json"):
        status, output, errors = tool.run("mote", "vcom", "readnv", "--index", "1")
    assert (status, output) == (FAILED, "") and errors.startswith("mote: vcom: ")


@pytest.mark.parametrize("defect", ["reset", "garbage", "short EK", "short body"])
def test_answer_that_cannot_be_used(tool, link, defect):
    with link(defect=defect):
        status, output, errors = tool.run("mote", "vcom", "ek")
    assert (status, output) == (FAILED, "") and errors.startswith("mote: vcom: ")
    assert errors.count("\n") == 1
