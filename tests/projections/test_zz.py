import cProfile, pstats, random
from tests.projections.test_replay import *
def test_prof(ledger):
    chance=random.Random(3)
    in_batches(ledger, chance, random_lines(chance, TASKS, 40))
    p=ledger.runner.catch_up()
    pr=cProfile.Profile(); pr.enable()
    for known in range(p+1): check_equal(ledger, chance, known, dt.date(2025,3,15))
    pr.disable()
    print(p)
    pstats.Stats(pr).sort_stats("cumtime").print_stats(45)
