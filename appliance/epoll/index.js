// SPDX-License-Identifier: Apache-2.0
/**
 * In the place of the native package of this name. onoff makes one for each line, and uses it to wait for edges, which
 * the panel does not ask for: it reads its button twenty times a second. So nothing has to be compiled for each processor.
 */
exports.Epoll = class Epoll {
  add() {
    throw new Error("lines are not waited for here: read them");
  }

  remove() {}

  close() {}
};
