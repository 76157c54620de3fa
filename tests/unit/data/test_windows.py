"""Windows: every frame in one, none over the bound, nearly one size."""

from hypothesis import given
from hypothesis import strategies as st

from fad.data.windows import windows


@given(st.integers(1, 5000), st.integers(1, 400))
def test_windows_follow_each_other_to_the_end_in_nearly_one_size(frames, most):
    found = windows(frames, most)
    ends = [0]
    for start, size in found:
        assert start == ends[-1]
        ends.append(start + size)
    sizes = [size for _, size in found]
    assert ends[-1] == frames
    assert 1 <= min(sizes) <= max(sizes) <= most
    assert max(sizes) - min(sizes) <= 1
    assert (len(found) - 1) * most < frames  # the fewest that there can be


def test_what_fits_is_one_window():
    assert windows(3200, 3200) == [(0, 3200)]
    assert windows(3201, 3200) == [(0, 1600), (1600, 1601)]
