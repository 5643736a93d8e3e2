################################################################################
#
# ipscsi
#
################################################################################

IPSCSI_VERSION = local
IPSCSI_SITE = $(BR2_EXTERNAL_SCSIGATE_PATH)/../kernel
IPSCSI_SITE_METHOD = local
IPSCSI_LICENSE = GPL-2.0
# What a build for another kernel, or of the host's tests, left in the folder.
IPSCSI_OVERRIDE_SRCDIR_RSYNC_EXCLUSIONS = \
	--exclude '*.o' --exclude '*.ko' --exclude '*.a' --exclude '*.mod' \
	--exclude '*.mod.c' --exclude '.*.cmd' --exclude Module.symvers \
	--exclude modules.order --exclude /tests/host --exclude /testing

# What the modules call; the board's fragments name the fabrics and adapters.
define IPSCSI_LINUX_CONFIG_FIXUPS
	$(call KCONFIG_ENABLE_OPT,CONFIG_SCSI)
	$(call KCONFIG_ENABLE_OPT,CONFIG_CONFIGFS_FS)
	$(call KCONFIG_SET_OPT,CONFIG_TARGET_CORE,m)
endef

$(eval $(kernel-module))
$(eval $(generic-package))
