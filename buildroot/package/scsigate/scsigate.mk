################################################################################
#
# scsigate
#
################################################################################

SCSIGATE_VERSION = local
SCSIGATE_SITE = $(BR2_EXTERNAL_SCSIGATE_PATH)/../appliance/dist
SCSIGATE_SITE_METHOD = local
SCSIGATE_LICENSE = Apache-2.0
SCSIGATE_PAGE = $(BR2_EXTERNAL_SCSIGATE_PATH)/../web-ui/dist

define SCSIGATE_INSTALL_TARGET_CMDS
	rm -rf $(TARGET_DIR)/usr/lib/scsigate
	mkdir -p $(TARGET_DIR)/usr/lib/scsigate/web
	cd $(@D) && find . -type f ! -path '*/.*' \
		-exec $(INSTALL) -D -m 0644 {} $(TARGET_DIR)/usr/lib/scsigate/{} \;
	$(INSTALL) -m 0644 $(SCSIGATE_PAGE)/* $(TARGET_DIR)/usr/lib/scsigate/web/
endef

$(eval $(generic-package))
