from itertools import product

import numpy as np

from shared.adapters.embedded_speech.smooth import Turn, change_costs, likeliest_path, log_odds, turns_of


def test_the_path_is_the_best_of_all_paths():
    random = np.random.default_rng(3)
    for voices in (2, 3):
        scores = random.standard_normal((7, voices))
        costs = random.uniform(0, 2, 7)

        def worth(path: tuple[int, ...], scores: np.ndarray = scores, costs: np.ndarray = costs) -> float:
            changes = sum(costs[at] for at in range(1, 7) if path[at] != path[at - 1])
            return float(sum(scores[at, voice] for at, voice in enumerate(path)) - changes)

        best = max(product(range(voices), repeat=7), key=worth)
        assert tuple(likeliest_path(scores, costs)) == best


def test_a_moment_of_doubt_does_not_change_the_speaker():
    cosines = np.array([[0.8, 0.2]] * 10 + [[0.45, 0.5]] + [[0.8, 0.2]] * 10)
    path = likeliest_path(log_odds(cosines), change_costs(np.zeros(21, dtype=np.intp)))
    assert set(path) == {0}


def test_a_change_is_easier_after_a_pause_than_within_speech():
    cosines = np.array([[0.8, 0.2]] * 5 + [[0.46, 0.53]] * 2)
    scores = log_odds(cosines)
    without_pause = change_costs(np.zeros(7, dtype=np.intp))
    with_pause = change_costs(np.array([0] * 5 + [1] * 2))
    assert set(likeliest_path(scores, without_pause)) == {0}
    assert list(likeliest_path(scores, with_pause)[-2:]) == [1, 1]


def test_no_moments_give_no_path():
    assert len(likeliest_path(np.empty((0, 2)), np.empty(0))) == 0
    empty = np.empty(0, dtype=np.intp)
    assert turns_of(empty, empty, empty, empty) == []


def test_odds_of_all_voices_add_up_to_one():
    assert np.allclose(np.exp(log_odds(np.array([[0.9, 0.1, -0.3], [0.0, 0.0, 0.0]]))).sum(axis=1), 1)


def test_turns_end_where_the_voice_or_the_stretch_of_speech_does():
    path = np.array([0, 0, 1, 1, 1])
    stretch_of = np.array([0, 0, 0, 1, 1])
    starts = np.array([100, 200, 300, 900, 1000])
    assert turns_of(path, stretch_of, starts, starts + 100) == [
        Turn(100, 300, 0),
        Turn(300, 400, 1),
        Turn(900, 1100, 1),
    ]
