################################################################################
#
# node-bin
#
################################################################################

NODE_BIN_VERSION = 24.21.0
NODE_BIN_PLATFORM = $(if $(BR2_aarch64),arm64,x64)
NODE_BIN_SOURCE = node-linux-$(NODE_BIN_PLATFORM)-$(NODE_BIN_VERSION).tgz
NODE_BIN_SITE = https://registry.npmjs.org/node-linux-$(NODE_BIN_PLATFORM)/-
NODE_BIN_LICENSE = MIT, various (see LICENSE)
NODE_BIN_LICENSE_FILES = LICENSE
NODE_BIN_CPE_ID_VENDOR = nodejs
NODE_BIN_CPE_ID_PRODUCT = node.js

define NODE_BIN_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 $(@D)/bin/node $(TARGET_DIR)/usr/bin/node
endef

$(eval $(generic-package))
