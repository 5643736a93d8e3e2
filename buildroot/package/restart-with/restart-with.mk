################################################################################
#
# restart-with
#
################################################################################

RESTART_WITH_VERSION = local
RESTART_WITH_SITE = $(BR2_EXTERNAL_SCSIGATE_PATH)/package/restart-with/src
RESTART_WITH_SITE_METHOD = local
RESTART_WITH_LICENSE = Apache-2.0

define RESTART_WITH_BUILD_CMDS
	$(TARGET_CC) $(TARGET_CFLAGS) $(TARGET_LDFLAGS) \
		-o $(@D)/restart-with $(@D)/restart-with.c
endef

define RESTART_WITH_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 $(@D)/restart-with $(TARGET_DIR)/usr/sbin/restart-with
endef

$(eval $(generic-package))
