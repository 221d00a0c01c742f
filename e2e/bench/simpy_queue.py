# The same queue in SimPy: `python simpy_queue.py <customers> <seed>`. One source, one resource with four servers.
import json
import random
import sys
import time

import simpy

CUSTOMERS, SEED = int(sys.argv[1]), int(sys.argv[2])


def customer(env, servers, draw, waits):
    came = env.now
    with servers.request() as request:
        yield request
        waits[0] += env.now - came
        yield env.timeout(draw.expovariate(1_000))


def source(env, servers, draw, waits):
    for _ in range(CUSTOMERS):
        yield env.timeout(draw.expovariate(3_200))
        env.process(customer(env, servers, draw, waits))


begun = time.perf_counter()
env = simpy.Environment()
waits = [0.0]
env.process(source(env, simpy.Resource(env, capacity=4), random.Random(SEED), waits))
env.run()
ms = (time.perf_counter() - begun) * 1e3
print(json.dumps({"ms": ms, "value": waits[0] / CUSTOMERS}))
