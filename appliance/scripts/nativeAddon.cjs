// SPDX-License-Identifier: Apache-2.0
// In the place of node-gyp-build, which looks for a package's folder: in a bundle, the machine code of @serialport/bindings-cpp is
// beside it (build.ts). Where there is none for a processor, it is this that fails, and with it the opening of a port.
const { join } = require("node:path");

module.exports = () => require(join(__dirname, "native", `serialport-${process.arch}.node`));
