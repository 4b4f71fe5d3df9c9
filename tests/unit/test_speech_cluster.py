import numpy as np
import pytest

from shared.adapters.embedded_speech.cluster import agglomerate, find_voices, groups_of


def prints_of(*voices: tuple[int, int], spread: float = 0.3, seed: int = 1) -> np.ndarray:
    """Windows of made-up voices: (axis the voice lies on, how many windows)."""
    random = np.random.default_rng(seed)
    rows = [np.eye(64)[axis] + spread / 8 * random.standard_normal(64) for axis, count in voices for _ in range(count)]
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.array(rows) / lengths, dtype=np.float32)


def test_two_voices_are_found_when_nobody_says_how_many():
    prints = prints_of((0, 30), (1, 10))
    voices = find_voices(prints)
    assert len(voices) == 2
    nearest = (prints @ voices.T).argmax(axis=1)
    assert len(set(nearest[:30])) == len(set(nearest[30:])) == 1
    assert nearest[0] != nearest[-1]


def test_two_halves_of_one_voice_are_one_voice():
    assert len(find_voices(prints_of((0, 40)))) == 1


def test_a_given_count_is_believed_even_for_one_voice():
    assert len(find_voices(prints_of((0, 40)), 2)) == 2
    assert len(find_voices(prints_of((0, 20), (1, 20), (2, 20)), 3)) == 3


def test_a_cough_is_not_a_second_voice():
    prints = prints_of((0, 60), (1, 60), (2, 1))
    voices = find_voices(prints, 2)
    assert np.allclose(np.sort((voices @ prints_of((0, 1), (1, 1)).T).max(axis=0)), 1, atol=0.1)


def test_voices_are_never_more_than_windows():
    assert len(find_voices(prints_of((0, 1)), 3)) == 1


def test_voices_are_unit_vectors():
    assert np.allclose(np.linalg.norm(find_voices(prints_of((0, 9), (1, 9))), axis=1), 1)


def test_no_windows_and_no_voices_are_refused():
    with pytest.raises(ValueError, match="0 windows"):
        find_voices(np.empty((0, 192), dtype=np.float32))
    with pytest.raises(ValueError, match="0 voices"):
        find_voices(prints_of((0, 3)), 0)


def test_more_windows_than_are_clustered_give_the_same_voices():
    prints = prints_of((0, 2500), (1, 2500))
    voices = find_voices(prints)
    assert sorted((prints @ voices.T).argmax(axis=1).tolist()) == [0] * 2500 + [1] * 2500


def test_merges_are_those_of_average_linkage():
    """Held against a plain implementation that looks at all pairs each time."""
    prints = prints_of((0, 8), (1, 8), (2, 8), spread=4)
    for count in (2, 3, 5):
        assert sorted(map(sorted, groups_of_all(prints, count))) == sorted(map(sorted, plainly(prints, count)))


def groups_of_all(prints: np.ndarray, count: int) -> list[list[int]]:
    groups = {window: [window] for window in range(len(prints))}
    for kept, gone in agglomerate(prints)[: len(prints) - count]:
        groups[kept] += groups.pop(gone)
    return list(groups.values())


def plainly(prints: np.ndarray, count: int) -> list[list[int]]:
    groups = [[window] for window in range(len(prints))]
    alike = prints @ prints.T
    while len(groups) > count:
        pairs = [(one, other) for one in range(len(groups)) for other in range(one)]
        one, other = max(pairs, key=lambda pair: alike[np.ix_(groups[pair[0]], groups[pair[1]])].mean())
        groups[other] += groups.pop(one)
    return groups


def test_the_coarsest_grouping_with_enough_large_groups_wins():
    merges = [(0, 1), (2, 3), (0, 2)]
    assert groups_of(merges, 4, 2) == [[0, 1], [2, 3]]
    assert groups_of(merges, 4, 1) == [[0, 1, 2, 3]]
