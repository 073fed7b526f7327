from adabench.synthface.writing import speed


def test_each_speed_is_all_frames_over_its_own_part_of_the_time(monkeypatch):
    clock = iter([10.0, 12.0, 20.0, 21.0, 30.0, 34.0])
    monkeypatch.setattr(speed.time, "process_time", clock.__next__)
    found = speed.measure_speed(0, clips=1)
    frames = found.encoding
    assert (found.drawing, found.whole) == (frames / 2, frames / 4)
    # a clip lasts about 20 s, at 10 frames a second
    assert 150 < frames < 250
