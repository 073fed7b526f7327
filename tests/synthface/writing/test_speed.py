from adabench.synthface.writing.speed import measure_speed


def test_every_speed_is_measured():
    speed = measure_speed(0, clips=1)
    assert 0 < speed.whole < speed.drawing
    assert speed.whole < speed.encoding
