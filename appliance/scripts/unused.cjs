// SPDX-License-Identifier: Apache-2.0
// Stands for packages that mqtt names but this appliance never loads.
module.exports = {};
