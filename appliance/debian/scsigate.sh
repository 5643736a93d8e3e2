#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The gateway's command line; docs/configuration.md and "scsigate --help" say what it does.
export SCSIGATE_RUN=/run/scsigate
exec node /usr/lib/scsigate/cli.js "$@"
