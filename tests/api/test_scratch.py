from tests.api.conftest import *  # noqa
import json, time, os, httpx2, threading, tracemalloc
def test_bulk(address, ledger):
    c = httpx2.Client(base_url=address, timeout=60)
    for u in ("AUTH","U1","U2"):
        assert c.post("/v1/commands", json=register(u)).status_code==201
    N=100_000
    def body():
        for i in range(N):
            yield json.dumps(assign(f"E{i}", idempotency_key=f"k{i}")).encode()+b"\n"
    t=time.perf_counter()
    n=0
    with c.stream("POST","/v1/commands", content=body(), headers={"content-type":"application/x-ndjson"}) as r:
        for l in r.iter_lines():
            n+=1
            if n<3: print(l)
    dt=time.perf_counter()-t
    print(n, N/dt)
    t=time.perf_counter()
    r=c.get("/readyz"); print(r.text)
    r=c.get("/v1/reports/status"); print(r.text[:300], time.perf_counter()-t)
    r=c.get("/readyz"); print(r.text)
    # singles
    for threads in (1,16,64):
        def run(k):
            cc=httpx2.Client(base_url=address, timeout=60)
            for i in range(1600//threads):
                r=cc.post("/v1/commands", json=assign(f"S{threads}-{k}-{i}")); assert r.status_code==201, r.text
        ts=[threading.Thread(target=run,args=(k,)) for k in range(threads)]
        t=time.perf_counter(); [x.start() for x in ts]; [x.join() for x in ts]
        print(threads, 1600/(time.perf_counter()-t))
    t=time.perf_counter()
    for i in range(500): assert c.get("/v1/tasks/E5").status_code==200
    print("reads/s", 500/(time.perf_counter()-t))
    t=time.perf_counter()
    lat=[]
    for i in range(100):
        c.post("/v1/commands", json=assign(f"R{i}"))
        t0=time.perf_counter(); assert c.get(f"/v1/tasks/R{i}").status_code==200; lat.append(time.perf_counter()-t0)
    print("read after write ms", sorted(lat)[50]*1000, max(lat)*1000)
    assert 0
