"""Signs of life: when they are given, and what they say."""

import hashlib

import pytest

from adabench.data.prepare import pulse
from adabench.data.prepare.pulse import Sign, beat, decoding, file_sha256, listen


class Signs(list):
    """Given signs, and the clock by which they were given."""

    def __init__(self):
        super().__init__()
        self.now = 100.0


@pytest.fixture
def signs(monkeypatch):
    """The signs of this process, by a clock that a test moves."""
    given = Signs()
    monkeypatch.setattr(pulse.time, "monotonic", lambda: given.now)
    listen(given.append)
    yield given
    listen(None)


def test_frames_that_come_quickly_give_a_sign_now_and_then(signs):
    with decoding():
        for number in range(1, 101):
            signs.now += 0.01
            beat(number / 100, frames=1)
    assert signs == [
        Sign(0.0, 0, True),
        Sign(0.5, 50, True),
        Sign(1.0, 100, True),
        Sign(1.0, 100, False),
    ]


def test_passes_add_up_until_the_next_clip(signs):
    for _ in range(2):
        with decoding():
            signs.now += 1
            beat(0.25, frames=5)
    assert [sign.passes for sign in signs if sign.decoding] == [0.0, 0.25, 1.0, 1.25]
    assert signs[-1] == Sign(2.0, 10, False)
    listen(signs.append)
    signs.now += 1
    beat()
    assert signs[-1] == Sign(0.0, 0, False)


def test_opening_is_watched_but_is_no_pass(signs):
    with decoding(whole=False):
        pass
    assert signs == [Sign(0.0, 0, True), Sign(0.0, 0, False)]


def test_an_error_ends_the_watch(signs):
    with pytest.raises(ValueError, match="bad"), decoding():
        raise ValueError("bad")
    assert not signs[-1].decoding


def test_nobody_listens(signs):
    listen(None)
    with decoding():
        beat(0.5)
    assert signs == []


def test_checksum_with_signs(signs, tmp_path, monkeypatch):
    monkeypatch.setattr(pulse, "_CHUNK", 1000)
    monkeypatch.setattr(pulse, "INTERVAL", 0.0)
    content = bytes(range(256)) * 10
    (tmp_path / "file").write_bytes(content)
    assert file_sha256(tmp_path / "file") == hashlib.sha256(content).hexdigest()
    assert len(signs) == 3
