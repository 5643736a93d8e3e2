/* SPDX-License-Identifier: Apache-2.0 */
/* The codec's errors; Linux has the same numbers */
#ifndef ERRNO_H
#define ERRNO_H

#define EINVAL		22
#define EOPNOTSUPP	95

#endif
