// SPDX-License-Identifier: Apache-2.0
// As BIRD 2.0.12 prints it.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseNeighbours, parseRoutes } from "../../src/observe/bird.ts";

const NEIGHBOURS = `BIRD 2.0.12 ready.
Access restricted
mesh:
IP address                Interface  Metric Routes Hellos Expires Auth
fe80::f801:29ff:fea1:30cc eth0           96      2      8   1.490 Yes 
fe80::1:2:3:5             mesh0a090001 65535     0      0   0.490 Yes 
`;

const ROUTES = `BIRD 2.0.12 ready.
Table master4:
10.143.2.0/24        unicast [mesh 01:58:37.422 from fe80::f801:29ff:fea1:30cc] * (130/96) [00:00:00:00:0a:8f:02:01]
	via 10.143.2.1 on eth0 onlink
                     unicast [mesh 01:58:39.422 from fe80::1:2:3:5] (130/192) [00:00:00:00:0a:8f:02:01]
	via 10.143.2.1 on mesh0a090001 onlink
10.143.3.0/24        unreachable [mesh 01:58:37.422] * (130/?) [00:00:00:00:0a:8f:02:01]

Table master6:
fd00:0:0:2::/64      unicast [mesh 2026-11-22] * (130/96) [00:00:00:00:0a:8f:02:01]
	via fe80::f801:29ff:fea1:30cc on eth0
`;

test("neighbours, with those that do not answer any more", () => {
  assert.equal(parseNeighbours(NEIGHBOURS), [
    { address: "fe80::f801:29ff:fea1:30cc", interface: "eth0", metric: 96, routes: 2 },
    { address: "fe80::1:2:3:5", interface: "mesh0a090001", metric: 65535, routes: 0 },
  ]);
  assert.equal(parseNeighbours("BIRD 2.0.12 ready.\nmesh: is not up\n"), []);
});

test("the best route to each destination; what is unreachable is none", () => {
  assert.equal(parseRoutes(ROUTES), [
    { destination: "10.143.2.0/24", via: "10.143.2.1", interface: "eth0", metric: 96 },
    { destination: "fd00:0:0:2::/64", via: "fe80::f801:29ff:fea1:30cc", interface: "eth0", metric: 96 },
  ]);
  assert.equal(parseRoutes("BIRD 2.0.12 ready.\n"), []);
});

test("a route that is refused is not marked as the best, and shown all the same", () => {
  const text = `Table master4:
10.143.1.0/24        unicast [mesh 01:56:54.972 from fe80::383e:4ff:fe4f:e29c] (130/96) [00:00:00:00:0a:8f:02:01]
	via 10.143.2.1 on eth0 onlink
`;
  assert.equal(parseRoutes(text), [{ destination: "10.143.1.0/24", via: "10.143.2.1", interface: "eth0", metric: 96 }]);
});

test.run();
