import psycopg, pytest
@pytest.mark.parametrize("n", range(30))
def test_db(database, n):
    with psycopg.connect(database.app) as c: assert c.execute("select count(*) from ledger.log").fetchone()==(0,)
def test_empty(empty_database):
    with psycopg.connect(empty_database.owner) as c: assert c.execute("select to_regclass('ledger.log')").fetchone()==(None,)
