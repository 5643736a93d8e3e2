// SPDX-License-Identifier: Apache-2.0
/**
 * What the gateway says, in German: the English text, as it stands in the gateway's sources, and what the page shows for it.
 * A hole is put in as it is; {1 text} is itself something that the gateway says, {1 number} is written as in German.
 * Texts begin with a small letter where English ones do. Which there have to be, test/said.test.ts knows.
 */
export const german: Readonly<Record<string, string>> = {
  // The adapter on USB.
  "no firmware came with this gateway": "mit diesem Gateway kam keine Firmware",
  "an update is under way": "ein Update ist im Gang",
  "the adapter {1} does not answer": "der Adapter {1} antwortet nicht",
  "its firmware cannot be updated over USB yet": "seine Firmware lässt sich noch nicht über USB aktualisieren",
  "Update it by its UF2 file (docs/adapter.md).": "Aktualisieren Sie ihn mit seiner UF2-Datei (docs/adapter.md).",
  "Wait until it has ended.": "Warten Sie, bis es zu Ende ist.",
  "See what its state on the page says.": "Sehen Sie nach, was sein Zustand auf der Seite sagt.",
  "Put the UF2 file onto it, once (docs/adapter.md).": "Kopieren Sie einmal die UF2-Datei darauf (docs/adapter.md).",
  "the adapter {1} gives answers of another form than this gateway knows":
    "der Adapter {1} gibt Antworten von anderer Form, als dieses Gateway sie kennt",
  "Put the firmware on it that came with this gateway (docs/adapter.md).":
    "Spielen Sie die Firmware auf, die mit diesem Gateway kam (docs/adapter.md).",
  "the adapter {1} does not keep the settings that it is given":
    "der Adapter {1} behält die Einstellungen nicht, die er bekommt",
  "Correct scsiId, board or daynaport of the segment's fabric, or put newer firmware on it (docs/adapter.md).":
    "Berichtigen Sie scsiId, board oder daynaport in der Fabric des Segments, oder spielen Sie neuere Firmware auf (docs/adapter.md).",
  "the adapter {1} has no management port": "der Adapter {1} hat keinen Verwaltungsport",
  "Check that the kernel has the driver cdc_acm; then unplug the adapter and plug it in again.":
    "Prüfen Sie, ob der Kernel den Treiber cdc_acm hat; ziehen Sie den Adapter dann ab, und stecken Sie ihn wieder ein.",
  "the adapter's management port {1} cannot be opened: {2}":
    "der Verwaltungsport {1} des Adapters lässt sich nicht öffnen: {2}",
  "End other programs that use it (ModemManager, a terminal); packets flow without it, its counters are not seen.":
    "Beenden Sie andere Programme, die ihn benutzen (ModemManager, ein Terminal); Pakete fließen auch ohne ihn, nur seine Zähler sind nicht zu sehen.",
  "the adapter {1} has old firmware ({2}), which this gateway does not understand":
    "der Adapter {1} hat alte Firmware ({2}), die dieses Gateway nicht versteht",
  "the adapter {1} has newer firmware ({2}) than this gateway knows":
    "der Adapter {1} hat neuere Firmware ({2}), als dieses Gateway sie kennt",
  "Update the gateway, or put the firmware on the adapter that came with this gateway (docs/adapter.md).":
    "Aktualisieren Sie das Gateway, oder spielen Sie die Firmware auf den Adapter, die mit diesem Gateway kam (docs/adapter.md).",
  "the adapter {1} is no hub of a segment": "der Adapter {1} ist kein Hub eines Segments",
  "the adapter {1} calls itself {2}": "der Adapter {1} nennt sich {2}",
  "the adapter does not answer on its management port": "der Adapter antwortet an seinem Verwaltungsport nicht",
  "Unplug it and plug it in again; if it stays silent, put the firmware on it anew (docs/adapter.md).":
    "Ziehen Sie ihn ab, und stecken Sie ihn wieder ein; bleibt er stumm, spielen Sie seine Firmware neu auf (docs/adapter.md).",
  "the adapter refused a request ({1})": "der Adapter hat eine Anfrage abgelehnt ({1})",
  "the adapter has not come back with its new firmware":
    "der Adapter ist mit seiner neuen Firmware nicht zurückgekommen",
  "It goes on with the one before. If it does not answer at all, unplug it and plug it in again.":
    "Er läuft mit der vorigen weiter. Antwortet er gar nicht, ziehen Sie ihn ab, und stecken Sie ihn wieder ein.",
  "the adapter's new firmware did not run, and the one before is back":
    "die neue Firmware des Adapters lief nicht, die vorige ist wieder da",
  "Report it, with a support bundle; the adapter works as before.":
    "Melden Sie es mit einem Paket für den Support; der Adapter arbeitet wie zuvor.",
  "the adapter says in another form how far an update is":
    "der Adapter sagt in einer anderen Form, wie weit ein Update ist",
  // Refusals of a configuration.
  "{1} entries are too many: the longest list here has {2}":
    "{1} Einträge sind zu viele: Die längste Liste hat hier {2}",
  "Leave out what is not needed.": "Lassen Sie weg, was nicht gebraucht wird.",
  "the document has more than {1} values: that is more than it can have":
    "das Dokument hat mehr als {1} Werte: Das ist mehr, als es haben kann",
  "the document has more than {1} levels: that is more than it can have":
    "das Dokument hat mehr als {1} Ebenen: Das ist mehr, als es haben kann",
  "the document has a name of {1} characters: that is more than it can have":
    "das Dokument hat einen Namen von {1} Zeichen: Das ist mehr, als es haben kann",
  "Send a configuration.": "Senden Sie eine Konfiguration.",
  "the page and the API are opened again, at once": "die Seite und die API werden gleich neu geöffnet",
  "the connections to the broker and to the log server are made anew":
    "die Verbindungen zum Broker und zum Protokoll-Server werden neu aufgebaut",
  "times are shown in another zone; nothing is interrupted":
    "Zeiten werden in einer anderen Zone gezeigt; nichts wird unterbrochen",
  "the gateway's own connections on its Ethernet may break":
    "die eigenen Verbindungen des Gateways über sein Ethernet können abreißen",
  "hosts of the segment lose their connections and may need a new address":
    "Hosts des Segments verlieren ihre Verbindungen und brauchen vielleicht eine neue Adresse",
  "the segment's DHCP and DNS server is started anew": "der DHCP- und DNS-Server des Segments startet neu",
  "hosts that lose their access, target or portal are cut off; others stay":
    "Hosts, die ihren Zugang, ihr Target oder ihr Portal verlieren, werden getrennt; andere bleiben",
  "packets to these networks take another way; connections over the one before may break":
    "Pakete zu diesen Netzen nehmen einen anderen Weg; Verbindungen über den vorigen können abreißen",
  "stations that are blocked are cut off, those that are not any more get through; while one is blocked, packets between stations of its segment go through the gateway's IP":
    "gesperrte Stationen werden getrennt, nicht mehr gesperrte kommen durch; solange eine gesperrt ist, nehmen Pakete zwischen Stationen ihres Segments den Weg durch die IP-Schicht des Gateways",
  "routes to the segments of other gateways may be gone for some seconds":
    "Routen zu den Segmenten anderer Gateways können einige Sekunden lang fehlen",
  "SSH sessions end, unless keys are only added": "SSH-Sitzungen enden, außer wenn nur Schlüssel hinzukommen",
  "SNMP and LLDP are started anew; nothing else notices": "SNMP und LLDP starten neu; sonst merkt niemand etwas",
  "LEDs, button and reset line are let go and taken anew; the network does not notice":
    "LEDs, Taster und Reset-Leitung werden losgelassen und neu belegt; das Netz merkt nichts",
  "the fleet's server is asked anew; what is being installed goes on":
    "der Server der Flotte wird neu gefragt; was gerade installiert wird, geht weiter",
  "rules are replaced in one step; what is established stays":
    "Regeln werden in einem Schritt ersetzt; bestehende Verbindungen bleiben",
  "{1} is not an IPv4 address": "{1} ist keine IPv4-Adresse",
  "Write it as 192.168.1.60.": "Schreiben Sie sie wie 192.168.1.60.",
  "option {1} is the gateway's own": "die Option {1} setzt das Gateway selbst",
  "option {1} belongs to the protocol itself": "die Option {1} gehört zum Protokoll selbst",
  "option {1} is set already": "die Option {1} ist schon gesetzt",
  "option {1} is a list of IPv4 addresses": "die Option {1} ist eine Liste von IPv4-Adressen",
  "{1} is no value of type {2}": "{1} ist kein Wert der Art {2}",
  "Look at the setting {1}.": "Sehen Sie sich die Einstellung {1} an.",
  "Remove it: the DHCP server sets it as it must be.":
    "Entfernen Sie sie: Der DHCP-Server setzt sie so, wie sie sein muss.",
  "Put all values of an option into one entry.": "Schreiben Sie alle Werte einer Option in einen Eintrag.",
  "Set type to addresses.": "Setzen Sie type auf addresses.",
  "Write printable characters.": "Schreiben Sie druckbare Zeichen.",
  "Write IPv4 addresses with commas between: 192.168.1.60,192.168.1.61.":
    "Schreiben Sie IPv4-Adressen mit Kommas dazwischen: 192.168.1.60,192.168.1.61.",
  "Write a whole number of 0 to 255.": "Schreiben Sie eine ganze Zahl von 0 bis 255.",
  "Write a whole number of 0 to 65535.": "Schreiben Sie eine ganze Zahl von 0 bis 65535.",
  "Write a whole number of 0 to 4294967295.": "Schreiben Sie eine ganze Zahl von 0 bis 4294967295.",
  "Write bytes in hexadecimal with colons between: 01:0a:ff.":
    "Schreiben Sie Bytes hexadezimal mit Doppelpunkten dazwischen: 01:0a:ff.",
  "nobody says which server is asked": "es ist nicht gesagt, welcher Server gefragt wird",
  "the server needs a token": "der Server braucht ein Token",
  "there are two tokens": "es gibt zwei Tokens",
  "Set it, for example https://hawkbit.example.org.": "Setzen Sie ihn, zum Beispiel https://hawkbit.example.org.",
  "Set targetToken: the server shows it with the target.": "Setzen Sie targetToken: Der Server zeigt es beim Target.",
  "Remove this one, unless the server takes no other.":
    "Entfernen Sie dieses, außer wenn der Server kein anderes nimmt.",
  "the document is longer than 1 MiB": "das Dokument ist länger als 1 MiB",
  "this is not JSON: {1}": "das ist kein JSON: {1}",
  "the document is not an object": "das Dokument ist kein Objekt",
  "the document has form {1}, of a newer version": "das Dokument hat die Form {1} einer neueren Version",
  "Correct the file, restore a backup, or apply a configuration anew.":
    "Berichtigen Sie die Datei, stellen Sie eine Sicherung wieder her, oder wenden Sie eine Konfiguration neu an.",
  "the storage interface cannot be auto": "die Schnittstelle des Speichernetzes kann nicht auto sein",
  "Name the interface, for example eth1; `ip link` on the console lists them.":
    "Nennen Sie die Schnittstelle, zum Beispiel eth1; `ip link` auf der Konsole zeigt, welche es gibt.",
  "{1} is the LAN interface already": "{1} ist schon die Schnittstelle des LANs",
  "Use another interface for storage, set lan.vlan if both are on one cable, or remove the storage section.":
    "Nehmen Sie für das Speichernetz eine andere Schnittstelle, setzen Sie lan.vlan, wenn beide an einem Kabel sind, oder entfernen Sie den Abschnitt storage.",
  "SNMP needs a community: whoever knows it may ask": "SNMP braucht eine Community: Wer sie kennt, darf fragen",
  "Set one that nobody guesses, and tell it to whatever is to ask; or leave snmp.enabled off.":
    "Setzen Sie eine, die niemand errät, und nennen Sie sie denen, die fragen sollen; oder lassen Sie snmp.enabled aus.",
  "it is the hosts' password, too: a host could give the gateway's answer back as its own":
    "das ist auch das Passwort der Hosts: Ein Host könnte die Antwort des Gateways als seine eigene zurückgeben",
  "Use another one (RFC 7143, section 9.2.1).": "Nehmen Sie ein anderes (RFC 7143, Abschnitt 9.2.1).",
  "mode proxy takes a part of the LAN's own prefix, and no address beside it":
    "der Modus proxy nimmt einen Teil vom Präfix des LANs und keine Adresse daneben",
  "Set it to auto.": "Setzen Sie sie auf auto.",
  "mode proxy cannot choose a segment's address: only you know what is free on the LAN":
    "im Modus proxy lässt sich die Adresse eines Segments nicht von selbst wählen: Nur Sie wissen, was im LAN frei ist",
  "Set it to a part of the LAN's subnet that its DHCP server does not give out, for example 192.168.1.225/28.":
    "Setzen Sie sie auf einen Teil des LAN-Subnetzes, den dessen DHCP-Server nicht vergibt, zum Beispiel 192.168.1.225/28.",
  "{1} is neither a side nor a segment": "{1} ist weder eine Seite noch ein Segment",
  "Use one of: {1}.": "Nehmen Sie eines von diesen: {1}.",
  "{1} has no ports": "{1} hat keine Ports",
  "Set protocol to tcp or udp, or leave ports out.": "Setzen Sie protocol auf tcp oder udp, oder lassen Sie ports weg.",
  "{1} is no range of ports": "{1} ist kein Bereich von Ports",
  "Write a port as 22 and a range as 8000-8010, up to 65535.":
    "Schreiben Sie einen Port wie 22 und einen Bereich wie 8000-8010, bis 65535.",
  "no packet has an IPv4 address on one side and an IPv6 address on the other":
    "kein Paket hat auf der einen Seite eine IPv4-Adresse und auf der anderen eine IPv6-Adresse",
  "Give sources and destinations of the same kind.": "Geben Sie Quellen und Ziele derselben Art an.",
  "{1} is on no segment, and behind no router": "{1} ist an keinem Segment und hinter keinem Router",
  "Give the address of a host on a segment; a station keeps its own by stations[].ipv4.":
    "Geben Sie die Adresse eines Hosts an einem Segment an; eine Station behält ihre durch stations[].ipv4.",
  "mode {1} forwards no ports": "der Modus {1} leitet keine Ports weiter",
  'Set mode to "nat", or remove the port forward: in the other modes, hosts reach each other without.':
    'Setzen Sie mode auf "nat", oder entfernen Sie die Portweiterleitung: In den anderen Modi erreichen Hosts einander auch so.',
  "{1} port {2} is forwarded already": "{1}-Port {2} wird schon weitergeleitet",
  "Use another port.": "Nehmen Sie einen anderen Port.",
  "{1} is neither an address nor a subnet": "{1} ist weder eine Adresse noch ein Subnetz",
  "Write it as 192.168.1.5, 192.168.1.0/24, 2001:db8::5 or 2001:db8:7::/48.":
    "Schreiben Sie sie wie 192.168.1.5, 192.168.1.0/24, 2001:db8::5 oder 2001:db8:7::/48.",
  "{1} is this gateway itself, and no router": "{1} ist dieses Gateway selbst und kein Router",
  "{1} is no host's address, and no router": "{1} ist keine Adresse eines Hosts und kein Router",
  "Give the router's address, or leave it out where there is none.":
    "Geben Sie die Adresse des Routers an, oder lassen Sie sie weg, wenn es keinen gibt.",
  "{1} is not in the subnet of {2}": "{1} ist nicht im Subnetz von {2}",
  "Give the router's address in this subnet, or correct the prefix length.":
    "Geben Sie die Adresse des Routers in diesem Subnetz an, oder berichtigen Sie die Präfixlänge.",
  "there are two segments named {1}": "es gibt zwei Segmente namens {1}",
  "Give each segment its own name, for example seg0 and seg1.":
    "Geben Sie jedem Segment seinen eigenen Namen, zum Beispiel seg0 und seg1.",
  "{1} means something else in the settings or to the kernel":
    "{1} bedeutet in den Einstellungen oder für den Kernel etwas anderes",
  "Give the segment another name, for example seg0.": "Geben Sie dem Segment einen anderen Namen, zum Beispiel seg0.",
  "{1} is the name of an Ethernet interface of this configuration":
    "{1} ist der Name einer Ethernet-Schnittstelle dieser Konfiguration",
  "a /{1} leaves no address to give out": "ein /{1} lässt keine Adresse zum Vergeben übrig",
  "Use a prefix length of 30 or less, or turn dhcp off.":
    "Nehmen Sie eine Präfixlänge von höchstens 30, oder schalten Sie dhcp aus.",
  "{1} is not an IPv6 address": "{1} ist keine IPv6-Adresse",
  "Write it as 2001:db8:0:1::1/64, without leading zeros where they can be left out.":
    "Schreiben Sie sie wie 2001:db8:0:1::1/64, ohne führende Nullen, wo sie wegbleiben können.",
  "{1} is of a range that hosts do not give themselves addresses of":
    "{1} ist aus einem Bereich, aus dem Hosts sich keine Adressen geben",
  "Use a prefix of your own: 2001:db8:0:1::1/64, or fd6e:0:0:1::1/64.":
    "Nehmen Sie ein eigenes Präfix: 2001:db8:0:1::1/64 oder fd6e:0:0:1::1/64.",
  "another segment has this prefix": "ein anderes Segment hat dieses Präfix",
  "Use a prefix of its own for each segment, or auto.": "Nehmen Sie für jedes Segment ein eigenes Präfix, oder auto.",
  "{1} is reachable over a network: open would let everybody on it read and send for any host":
    "{1} ist über ein Netz zu erreichen: Mit open dürfte jeder dort für jeden Host lesen und senden",
  "Name the hosts in initiators, and set open to false. Only a bus of its own (qla2xxx, sbp) may be open.":
    "Nennen Sie die Hosts in initiators, und setzen Sie open auf false. Offen sein darf nur ein eigener Bus (qla2xxx, sbp).",
  "the adapter itself has the ID {1}": "der Adapter selbst hat die ID {1}",
  "Give the DaynaPORT another one that nothing on the bus has.":
    "Geben Sie dem DaynaPORT eine andere, die nichts am Bus hat.",
  "another segment uses the adapter {1}": "ein anderes Segment benutzt den Adapter {1}",
  "Give each segment its own adapter; `scsigate adapters` lists them.":
    "Geben Sie jedem Segment einen eigenen Adapter; `scsigate adapters` zeigt, welche es gibt.",
  "another segment uses {1}": "ein anderes Segment benutzt {1}",
  "Give each segment its own port; `scsigate adapters` lists them.":
    "Geben Sie jedem Segment einen eigenen Port; `scsigate adapters` zeigt, welche es gibt.",
  "the kernel's FireWire target admits every host on the bus, and cannot be told otherwise":
    "das FireWire-Target des Kernels lässt jeden Host am Bus zu, und das lässt sich nicht ändern",
  "Set open to true if everybody on this FireWire bus may use the segment; else use another fabric.":
    "Setzen Sie open auf true, wenn jeder an diesem FireWire-Bus das Segment benutzen darf; sonst nehmen Sie eine andere Fabric.",
  "an open port admits every host, not only these": "ein offener Port lässt jeden Host zu, nicht nur diese",
  "Set open to false, or leave initiators out.": "Setzen Sie open auf false, oder lassen Sie initiators weg.",
  "nobody may use the segment": "niemand darf das Segment benutzen",
  "Name the hosts' port names, or set open to true if every host on this fabric may use it.":
    "Nennen Sie die Port-Namen der Hosts, oder setzen Sie open auf true, wenn jeder Host an dieser Fabric es benutzen darf.",
  "{1} is asked for, and {2} not set": "{1} ist verlangt, und {2} ist nicht gesetzt",
  "{1} is asked for, and chap.user and chap.password are not set":
    "{1} ist verlangt, und chap.user und chap.password sind nicht gesetzt",
  "{1} is asked for, and chap.gatewayUser and chap.gatewayPassword are not set":
    "{1} ist verlangt, und chap.gatewayUser und chap.gatewayPassword sind nicht gesetzt",
  "Set them, or set authentication to none.": "Setzen Sie sie, oder setzen Sie authentication auf none.",
  "Give each segment its own target name.": "Geben Sie jedem Segment einen eigenen Target-Namen.",
  "{1} is not an IPv4 address and a port": "{1} ist keine IPv4-Adresse mit Port",
  "Write it as 10.0.2.15:3260, or 0.0.0.0:3260 for all addresses.":
    "Schreiben Sie sie wie 10.0.2.15:3260, oder 0.0.0.0:3260 für alle Adressen.",
  "{1} is not an IPv4 address with a prefix length of 8 to 32":
    "{1} ist keine IPv4-Adresse mit einer Präfixlänge von 8 bis 32",
  "Write it as 10.143.0.1/24.": "Schreiben Sie sie wie 10.143.0.1/24.",
  "{1} is of a range that no machine has an address of on a network":
    "{1} ist aus einem Bereich, aus dem keine Maschine in einem Netz eine Adresse hat",
  "Use a private address, for example 10.143.0.1/24.": "Nehmen Sie eine private Adresse, zum Beispiel 10.143.0.1/24.",
  "{1} is the first or last address of its subnet, which no machine can have":
    "{1} ist die erste oder letzte Adresse ihres Subnetzes, und die kann keine Maschine haben",
  "Use another one, for example {1}.": "Nehmen Sie eine andere, zum Beispiel {1}.",
  "Write it as 192.168.1.1.": "Schreiben Sie sie wie 192.168.1.1.",
  "{1} overlaps {2} at {3}": "{1} überschneidet sich mit {2} bei {3}",
  "Use a subnet of its own for each interface, or auto for the segment.":
    "Nehmen Sie für jede Schnittstelle ein eigenes Subnetz, oder auto für das Segment.",
  "{1} is not a network with a prefix length of 8 to 32 (IPv4) or 16 to 128 (IPv6)":
    "{1} ist kein Netz mit einer Präfixlänge von 8 bis 32 (IPv4) oder 16 bis 128 (IPv6)",
  "Write the first address of the network, as in 203.0.113.0/24 or 2001:db8:7::/48.":
    "Schreiben Sie die erste Adresse des Netzes, wie in 203.0.113.0/24 oder 2001:db8:7::/48.",
  "{1} is in the list already": "{1} steht schon in der Liste",
  "Remove one of the two.": "Entfernen Sie eines von beiden.",
  "no tunnel leads to {1}": "zu {1} führt kein Tunnel",
  "Add it to mesh.peers or to the peers of a segment that spans gateways, or remove it here.":
    "Fügen Sie es in mesh.peers oder bei den Peers eines Segments hinzu, das über mehrere Gateways geht, oder entfernen Sie es hier.",
  "it is not a public key: 43 letters, digits, + and /, and = at the end":
    "das ist kein öffentlicher Schlüssel: 43 Buchstaben, Ziffern, + und /, und am Ende =",
  "Copy it from that gateway: page Network, or `scsigate status` there.":
    "Kopieren Sie ihn von jenem Gateway: Seite Netz, oder `scsigate status` dort.",
  "another gateway has this public key": "ein anderes Gateway hat diesen öffentlichen Schlüssel",
  "Copy the key of each gateway from itself.": "Kopieren Sie den Schlüssel jedes Gateways von ihm selbst.",
  "port {1} is that of VXLAN": "Port {1} ist der von VXLAN",
  "Use another one, such as 51820.": "Nehmen Sie einen anderen, zum Beispiel 51820.",
  "Use a number of its own for each segment.": "Nehmen Sie für jedes Segment eine eigene Nummer.",
  "mode {1} cannot extend a segment: its hosts have addresses of the LAN":
    "im Modus {1} kann ein Segment nicht über mehrere Gateways gehen: Seine Hosts haben Adressen des LANs",
  "Use mode {1}, or remove extend.": "Nehmen Sie den Modus {1}, oder entfernen Sie extend.",
  "a segment that spans gateways cannot choose its subnet: it is the same on all of them":
    "für ein Segment über mehrere Gateways lässt sich das Subnetz nicht von selbst wählen: Es ist auf allen dasselbe",
  "Set it on each gateway, in one subnet: 10.150.0.1/24 here, 10.150.0.2/24 there.":
    "Setzen Sie sie auf jedem Gateway, in einem Subnetz: 10.150.0.1/24 hier, 10.150.0.2/24 dort.",
  "Set it on each gateway, in one /64: fd6e:0:0:1::1/64 here, fd6e:0:0:1::2/64 there.":
    "Setzen Sie sie auf jedem Gateway, in einem /64: fd6e:0:0:1::1/64 hier, fd6e:0:0:1::2/64 dort.",
  "{1} is this gateway itself": "{1} ist dieses Gateway selbst",
  "Remove it: each gateway names the others.": "Entfernen Sie es: Jedes Gateway nennt die anderen.",
  "{1} is not the address of a gateway": "{1} ist nicht die Adresse eines Gateways",
  "Write the other gateway's LAN address, as in 192.168.1.3.":
    "Schreiben Sie die LAN-Adresse des anderen Gateways, wie in 192.168.1.3.",
  "the certificate needs its key": "zum Zertifikat fehlt der Schlüssel",
  "the key does not fit the certificate": "der Schlüssel passt nicht zum Zertifikat",
  "this is not a certificate in PEM": "das ist kein Zertifikat in PEM",
  "this is not a key in PEM without a password": "das ist kein Schlüssel in PEM ohne Passwort",
  "Set mqtt.tls.key, or remove the certificate.": "Setzen Sie mqtt.tls.key, oder entfernen Sie das Zertifikat.",
  "Set the two that were made together.": "Setzen Sie die beiden, die zusammen gemacht wurden.",
  "Paste the file from BEGIN to END, line ends too.":
    "Fügen Sie die Datei von BEGIN bis END ein, auch mit den Zeilenenden.",
  "`openssl pkey -in FILE` prints it so.": "`openssl pkey -in DATEI` gibt ihn so aus.",
  "{1} is neither an IPv4 nor an IPv6 address": "{1} ist weder eine IPv4- noch eine IPv6-Adresse",
  "Write it as 192.168.1.1 or 2001:db8::1.": "Schreiben Sie sie wie 192.168.1.1 oder 2001:db8::1.",
  "{1} is this gateway itself, which would ask itself": "{1} ist dieses Gateway selbst, das sich dann selbst fragte",
  "Give the address of a name server on the LAN or beyond.":
    "Geben Sie die Adresse eines Nameservers im LAN oder dahinter an.",
  "{1} has the form of an encoded name": "{1} hat die Form eines kodierten Namens",
  "Use a name without two hyphens in the third and fourth place.":
    "Nehmen Sie einen Namen ohne zwei Bindestriche an dritter und vierter Stelle.",
  "{1} is this gateway's name already": "{1} ist schon der Name dieses Gateways",
  "{1} is a station's name already": "{1} ist schon der Name einer Station",
  "Use another name.": "Nehmen Sie einen anderen Namen.",
  "port {1} is that of SNMP already": "Port {1} ist schon der von SNMP",
  "port {1} is the plain HTTP port already": "Port {1} ist schon der Port für HTTP ohne Verschlüsselung",
  "port {1} is the page's already": "Port {1} ist schon der der Seite",
  "port {1} is that of SSH already": "Port {1} ist schon der von SSH",
  "port {1} is that of {2}'s iSCSI target already": "Port {1} ist schon der vom iSCSI-Target von {2}",
  "port {1} is that of encrypted tunnels already": "Port {1} ist schon der der verschlüsselten Tunnel",
  "port {1} is that of {2}'s tunnels already": "Port {1} ist schon der der Tunnel von {2}",
  "Use another port for one of them.": "Nehmen Sie für eines von beiden einen anderen Port.",
  "the page cannot have port {1}: those below {2} take rights that it does not have":
    "die Seite kann Port {1} nicht haben: Die unter {2} brauchen Rechte, die sie nicht hat",
  "Use 80 and 443, or others, for example 8080 and 8443.":
    "Nehmen Sie 80 und 443, oder andere, zum Beispiel 8080 und 8443.",
  "{1} port {2} is that of SNMP: with it forwarded, nobody on the LAN would reach that":
    "{1}-Port {2} ist der von SNMP: Würde er weitergeleitet, erreichte das im LAN niemand mehr",
  "{1} port {2} is the plain HTTP port: with it forwarded, nobody on the LAN would reach that":
    "{1}-Port {2} ist der Port für HTTP ohne Verschlüsselung: Würde er weitergeleitet, erreichte das im LAN niemand mehr",
  "{1} port {2} is the page's: with it forwarded, nobody on the LAN would reach that":
    "{1}-Port {2} ist der der Seite: Würde er weitergeleitet, erreichte sie im LAN niemand mehr",
  "{1} port {2} is that of SSH: with it forwarded, nobody on the LAN would reach that":
    "{1}-Port {2} ist der von SSH: Würde er weitergeleitet, erreichte das im LAN niemand mehr",
  "{1} port {2} is that of {3}'s iSCSI target: with it forwarded, nobody on the LAN would reach that":
    "{1}-Port {2} ist der vom iSCSI-Target von {3}: Würde er weitergeleitet, erreichte das im LAN niemand mehr",
  "{1} port {2} is that of encrypted tunnels: with it forwarded, nobody on the LAN would reach that":
    "{1}-Port {2} ist der der verschlüsselten Tunnel: Würde er weitergeleitet, erreichte sie im LAN niemand mehr",
  "{1} port {2} is that of {3}'s tunnels: with it forwarded, nobody on the LAN would reach that":
    "{1}-Port {2} ist der der Tunnel von {3}: Würde er weitergeleitet, erreichte sie im LAN niemand mehr",
  "Forward another port, or change {1} first.": "Leiten Sie einen anderen Port weiter, oder ändern Sie erst {1}.",
  "Use a newer image, or write the document in form 1.":
    "Nehmen Sie ein neueres Image, oder schreiben Sie das Dokument in der Form 1.",
  "there is a password and a hash as well": "es gibt ein Passwort und dazu einen Hash",
  "there is no password": "es gibt kein Passwort",
  "{1} is there twice": "{1} kommt zweimal vor",
  "there would be no administrator": "es gäbe keinen Administrator",
  'Leave "password" or "passwordHash" out.': 'Lassen Sie "password" oder "passwordHash" weg.',
  'Add "password", or "passwordHash" with what `scsigate hash-password` prints.':
    'Ergänzen Sie "password", oder "passwordHash" mit dem, was `scsigate hash-password` ausgibt.',
  "Give each user a name of their own.": "Geben Sie jedem Benutzer einen eigenen Namen.",
  'Give one of them "scope": "admin".': 'Geben Sie einem davon "scope": "admin".',
  "this is not a text in UTF-8": "das ist kein Text in UTF-8",
  "this is not JSON: it ends too early": "das ist kein JSON: Es endet zu früh",
  "this is not JSON: line {1}, column {2}": "das ist kein JSON: Zeile {1}, Spalte {2}",
  "this is not an object": "das ist kein Objekt",
  "Save it as UTF-8: editors offer that when a file is saved.":
    "Speichern Sie ihn als UTF-8: Editoren bieten das beim Speichern an.",
  "Look there, and just before: often a comma is missing, or one too many.":
    "Sehen Sie dort nach und kurz davor: Oft fehlt ein Komma, oder es ist eines zu viel.",
  'Write { "version": 1, ... }.': 'Schreiben Sie { "version": 1, ... }.',
  "there is another route to {1} of metric {2}": "es gibt eine andere Route zu {1} mit Metrik {2}",
  "Give each way its own metric, or remove one.": "Geben Sie jedem Weg eine eigene Metrik, oder entfernen Sie einen.",
  "{1} is no network": "{1} ist kein Netz",
  "Write it as {1}.": "Schreiben Sie es wie {1}.",
  "the way to all of IPv4 is the LAN's router": "der Weg zu allen IPv4-Netzen ist der Router des LANs",
  "Set lan.ipv4.gateway, or leave it to the LAN's DHCP server.":
    "Setzen Sie lan.ipv4.gateway, oder überlassen Sie es dem DHCP-Server des LANs.",
  "{1} is no IPv{2} address, as a way to {3} needs one": "{1} ist keine IPv{2}-Adresse, wie sie ein Weg zu {3} braucht",
  "Give the router's address.": "Geben Sie die Adresse des Routers an.",
  "{1} is on every network, so it does not say on which one the router is":
    "{1} ist in jedem Netz und sagt darum nicht, in welchem der Router ist",
  "Give an address of the router in the LAN's or a segment's prefix.":
    "Geben Sie eine Adresse des Routers im Präfix des LANs oder eines Segments an.",
  "{1} is a part of {2} at {3}": "{1} ist ein Teil von {2} bei {3}",
  "Remove the route: hosts of the gateway's own networks are reached directly.":
    "Entfernen Sie die Route: Hosts in den eigenen Netzen des Gateways werden direkt erreicht.",
  "SSH takes keys only, and there is none": "SSH nimmt nur Schlüssel, und es gibt keinen",
  "Add the public key of whoever is to log in, a line as ssh-keygen writes it; or leave ssh.enabled off.":
    "Fügen Sie den öffentlichen Schlüssel dessen hinzu, der sich anmelden soll, eine Zeile, wie ssh-keygen sie schreibt; oder lassen Sie ssh.enabled aus.",
  "the key is not whole: it is another one than its first word says, or a part of it is missing":
    "der Schlüssel ist nicht ganz: Er ist ein anderer, als sein erstes Wort sagt, oder ein Teil davon fehlt",
  "Copy the whole line of the file that ends in .pub.": "Kopieren Sie die ganze Zeile der Datei, die auf .pub endet.",
  "{1} is given to another station already": "{1} hat schon eine andere Station",
  "Put all settings of a station into one entry.": "Schreiben Sie alle Einstellungen einer Station in einen Eintrag.",
  "Give each station its own name.": "Geben Sie jeder Station einen eigenen Namen.",
  "Give each station its own address.": "Geben Sie jeder Station eine eigene Adresse.",
  "{1} is the gateway's own name": "{1} ist der Name des Gateways selbst",
  "Give the station another name: this one leads to the gateway.":
    "Geben Sie der Station einen anderen Namen: Dieser führt zum Gateway.",
  "{1} is no name to the DHCP server: it has a meaning of its own there":
    "{1} ist für den DHCP-Server kein Name: Es hat dort eine eigene Bedeutung",
  "Add a letter or a word, for example host-{1}.":
    "Hängen Sie einen Buchstaben oder ein Wort an, zum Beispiel host-{1}.",
  "it does not say which station it is for": "es ist nicht gesagt, für welche Station das gilt",
  'Add "address", or "initiator" where fabric.initiators has it.':
    'Ergänzen Sie "address", oder "initiator", wo fabric.initiators ihn hat.',
  "a station has settings by its address or by its initiator, not by both":
    "eine Station hat Einstellungen nach ihrer Adresse oder nach ihrem Initiator, nicht nach beiden",
  "Remove one of them: where the initiator is known, that is the stronger one.":
    "Entfernen Sie eines davon: Wo der Initiator bekannt ist, ist er das Stärkere.",
  "{1} is none of the initiators of {2}": "{1} ist keiner der Initiatoren von {2}",
  "Use one of fabric.initiators, as it is written there.":
    "Nehmen Sie einen aus fabric.initiators, so wie er dort steht.",
  "{1} is open: it lets hosts in by any name": "{1} ist offen: Es lässt Hosts unter jedem Namen herein",
  "Name its hosts in fabric.initiators, or: Use the station's address.":
    "Nennen Sie seine Hosts in fabric.initiators, oder: Nehmen Sie die Adresse der Station.",
  "the fabric {1} of {2} does not tell hosts apart by name":
    "die Fabric {1} von {2} unterscheidet Hosts nicht nach Namen",
  "Use the station's address.": "Nehmen Sie die Adresse der Station.",
  "Write it as 10.143.0.40.": "Schreiben Sie sie wie 10.143.0.40.",
  "{1} is no host's address in the segment's subnet": "{1} ist keine Adresse für einen Host im Subnetz des Segments",
  "Use a free address of the subnet {1}/{2}.": "Nehmen Sie eine freie Adresse aus dem Subnetz {1}/{2}.",
  "{1} is the gateway's own address": "{1} ist die Adresse des Gateways selbst",
  "Use another one.": "Nehmen Sie eine andere.",
  "the secrets could not be read, and a change would lose them: {1}":
    "die Geheimnisse waren nicht zu lesen, und eine Änderung würde sie verlieren: {1}",
  "Restart the gateway. If it stays, the disk is failing: restore a backup with secrets, or reset the gateway.":
    "Starten Sie das Gateway neu. Wenn es bleibt, geht die Platte kaputt: Stellen Sie eine Sicherung mit Geheimnissen wieder her, oder setzen Sie das Gateway zurück.",
  "config.json is missing": "config.json fehlt",
  "Apply a configuration anew, or reset the gateway.":
    "Wenden Sie eine Konfiguration neu an, oder setzen Sie das Gateway zurück.",
  "config.json cannot be read: {1}": "config.json lässt sich nicht lesen: {1}",
  "Check the file's owner and mode, and the data partition.":
    "Prüfen Sie Eigentümer und Rechte der Datei, und die Datenpartition.",
  "{1}; version {2}, the last good one, is used": "{1 text}; Fassung {2}, die letzte gute, wird benutzt",
  "Look at the settings, then apply them again: that writes the file anew.":
    "Sehen Sie die Einstellungen durch, und wenden Sie sie noch einmal an: Das schreibt die Datei neu.",
  "the data partition does not take the change: {1}": "die Datenpartition nimmt die Änderung nicht an: {1}",
  "Check that the partition is mounted for writing and has room; `df /data` and `dmesg` on the console tell.":
    "Prüfen Sie, ob die Partition zum Schreiben eingehängt ist und Platz hat; `df /data` und `dmesg` auf der Konsole sagen es.",
  "{1} is not a time zone": "{1} ist keine Zeitzone",
  "Use a name of the IANA list, such as Europe/Berlin, or UTC.":
    "Nehmen Sie einen Namen der IANA-Liste, wie Europe/Berlin, oder UTC.",
  "Did you mean {1}?": "Meinten Sie {1}?",
  "there is no port {1}": "es gibt keinen Port {1}",
  "Use one from 1 to 65535.": "Nehmen Sie einen von 1 bis 65535.",
  "{1} is neither an address nor a name": "{1} ist weder eine Adresse noch ein Name",
  "Write a name, 192.168.1.5 or [fd00::5].": "Schreiben Sie einen Namen, 192.168.1.5 oder [fd00::5].",
  "{1} is missing": "{1} fehlt",
  'Add "{1}". {2}': 'Ergänzen Sie "{1}". {2 text}',
  'Add "{1}".': 'Ergänzen Sie "{1}".',
  "{1} is not a setting": "{1} ist keine Einstellung",
  "Remove it; known here: {1}.": "Entfernen Sie es; hier bekannt: {1}.",
  'Did you mean "{1}"? Else remove it.': 'Meinten Sie "{1}"? Sonst entfernen Sie es.',
  "{1} is none of: {2}": "{1} ist keines von diesen: {2}",
  'Set "{1}" to one of: {2}.': 'Setzen Sie "{1}" auf eines von diesen: {2}.',
  "{1} is not allowed": "{1} ist nicht erlaubt",
  "Use {1}.": "Nehmen Sie {1}.",
  "the secret": "das Geheimnis",
  nothing: "nichts",
  "{1} does not have the right form": "{1 text} hat nicht die richtige Form",
  "{1} is not a whole number": "{1 text} ist keine ganze Zahl",
  "{1} is not a number": "{1 text} ist keine Zahl",
  "{1} is not a text": "{1 text} ist kein Text",
  "{1} is not true or false": "{1 text} ist weder true noch false",
  "{1} is not a list": "{1 text} ist keine Liste",
  "{1} is not a section with settings": "{1 text} ist kein Abschnitt mit Einstellungen",
  "{1} is not {2}": "{1 text} ist nicht von der Art {2}",
  "{1} is too small: {2} is the least": "{1 text} ist zu klein: {2} ist das Mindeste",
  "{1} is too large: {2} is the most": "{1 text} ist zu groß: {2} ist das Höchste",
  "{1} is empty": "{1 text} ist leer",
  "{1} is too short: it takes {2} characters": "{1 text} ist zu kurz: Es braucht {2} Zeichen",
  "{1} is too long: {2} characters are the most": "{1 text} ist zu lang: {2} Zeichen sind das Höchste",
  "{1} is empty: it takes an entry": "{1 text} ist leer: Ein Eintrag muss sein",
  "{1} is too short: it takes {2} entries": "{1 text} ist zu kurz: {2} Einträge müssen sein",
  "{1} is too long: {2} entries are the most": "{1 text} ist zu lang: {2} Einträge sind das Höchste",
  "{1} has an entry twice": "{1 text} hat einen Eintrag doppelt",
  "{1} is not valid": "{1 text} ist nicht gültig",
  "See docs/configuration.md.": "Siehe docs/configuration.md.",
  "{1} Example: {2}.": "{1 text} Beispiel: {2}.",
  "See docs/configuration.md. Example: {1}.": "Siehe docs/configuration.md. Beispiel: {1}.",
  // What the executor could not do.
  "the boot partition does not take the change: {1}": "die Boot-Partition nimmt die Änderung nicht an: {1}",
  "Check the card or disk; `dmesg` on the console tells what it says.":
    "Prüfen Sie die Karte oder Platte; `dmesg` auf der Konsole sagt, was sie meldet.",
  "{1} on the boot partition is not looked at: its name is not {2}":
    "{1} auf der Boot-Partition wird nicht beachtet: Der Name ist nicht {2}",
  'Name it {1}; Windows shows the whole name with "File name extensions" on.':
    "Nennen Sie die Datei {1}; Windows zeigt den ganzen Namen mit eingeschalteten „Dateinamenerweiterungen“.",
  "{1} cannot be read: {2}": "{1} lässt sich nicht lesen: {2}",
  "{1} is not a file": "{1} ist keine Datei",
  "{1} has {2} bytes; {3} are the most": "{1} hat {2} Bytes; {3} sind das Höchste",
  "Put a text file of that name there.": "Legen Sie eine Textdatei dieses Namens dorthin.",
  "another capture runs": "ein anderer Mitschnitt läuft",
  "Wait for its end, or stop it.": "Warten Sie sein Ende ab, oder halten Sie ihn an.",
  "{1} is no segment's interface": "{1} ist nicht die Schnittstelle eines Segments",
  "Name a segment.": "Nennen Sie ein Segment.",
  "request refused: {1}": "Anfrage abgelehnt: {1}",
  "Report this: it is a defect.": "Melden Sie das: Es ist ein Fehler.",
  "an update is being installed": "ein Update wird gerade installiert",
  'there is no GPIO chip "{1}"': 'es gibt keinen GPIO-Baustein "{1}"',
  "This machine has none: take the line out of panel.":
    "Diese Maschine hat keinen: Nehmen Sie die Leitung aus panel heraus.",
  "There are: {1}.": "Es gibt: {1}.",
  "the GPIO chip {1} has no line {2}": "der GPIO-Baustein {1} hat keine Leitung {2}",
  "Its lines are 0 to {1}: correct panel.": "Seine Leitungen sind 0 bis {1}: Berichtigen Sie panel.",
  "line {1} of {2} cannot be had: something else uses it":
    "Leitung {1} von {2} ist nicht zu haben: Etwas anderes benutzt sie",
  "line {1} of {2} cannot be had: {3}": "Leitung {1} von {2} ist nicht zu haben: {3}",
  "Choose another line; gpioinfo tells who has it.": "Nehmen Sie eine andere Leitung; gpioinfo sagt, wer sie hat.",
  "the adapter {1} has no network interface": "der Adapter {1} hat keine Netzschnittstelle",
  "Check that the kernel has the driver cdc_ncm; then unplug the adapter and plug it in again.":
    "Prüfen Sie, ob der Kernel den Treiber cdc_ncm hat; ziehen Sie den Adapter dann ab, und stecken Sie ihn wieder ein.",
  "{1} exists and is not the segment's adapter": "{1} gibt es schon, und es ist nicht der Adapter des Segments",
  "Give the segment another name in the configuration.":
    "Geben Sie dem Segment in der Konfiguration einen anderen Namen.",
  "{1} exists and is not a bridge": "{1} gibt es schon, und es ist keine Bridge",
  "Remove that interface, or use another mode.":
    "Entfernen Sie diese Schnittstelle, oder nehmen Sie einen anderen Modus.",
  "the driver disk's image {1} cannot be read": "das Abbild {1} der Treiberplatte lässt sich nicht lesen",
  "Build it with `make driver-disk`, or set driverDisk of the segments to false.":
    "Bauen Sie es mit `make driver-disk`, oder setzen Sie driverDisk der Segmente auf false.",
  "the firewall's rules cannot be loaded: {1}; nothing is forwarded, and segments do not come up":
    "die Regeln der Firewall lassen sich nicht laden: {1}; nichts wird weitergeleitet, und Segmente kommen nicht hoch",
  "the firewall's rules cannot be loaded: {1}; those from before hold on":
    "die Regeln der Firewall lassen sich nicht laden: {1}; die vorigen gelten weiter",
  "Take back what was changed last under firewall; `scsigate support` has what to report.":
    "Nehmen Sie zurück, was unter firewall zuletzt geändert wurde; `scsigate support` enthält, was zu melden ist.",
  "kernel module {1} cannot be loaded: {2}": "das Kernel-Modul {1} lässt sich nicht laden: {2}",
  "The image does not fit its kernel: build kernel/ for the running kernel; `dmesg` has the details.":
    "Das Image passt nicht zu seinem Kernel: Bauen Sie kernel/ für den laufenden Kernel; `dmesg` hat die Einzelheiten.",
  "The kernel needs {1} built in or as a module.": "Der Kernel braucht {1} eingebaut oder als Modul.",
  "this image has no time zone {1}": "dieses Image hat keine Zeitzone {1}",
  "Use an image that has the time zones (tzdata), or set time.zone to UTC.":
    "Nehmen Sie ein Image, das die Zeitzonen hat (tzdata), oder setzen Sie time.zone auf UTC.",
  "there is no interface {1}": "es gibt keine Schnittstelle {1}",
  "Check the cable and the adapter, or correct the interface's name in the configuration.":
    "Prüfen Sie Kabel und Adapter, oder berichtigen Sie den Namen der Schnittstelle in der Konfiguration.",
  "{1} exists and is not a SCSI segment": "{1} gibt es schon, und es ist kein SCSI-Segment",
  "the kernel does not take {1}": "der Kernel nimmt nicht an: {1}",
  "Check that the interface towards the router is up, and that routes names the router's present address.":
    "Prüfen Sie, ob die Schnittstelle zum Router hin aktiv ist und ob routes die jetzige Adresse des Routers nennt.",
  "this machine has SSH of its own, and the gateway leaves it alone":
    "diese Maschine hat ein eigenes SSH, und das Gateway lässt es in Ruhe",
  "Set it up as you do on this machine, and switch ssh.enabled off.":
    "Stellen Sie es so ein, wie auf dieser Maschine üblich, und schalten Sie ssh.enabled aus.",
  "no host key for SSH: {1}": "kein Host-Schlüssel für SSH: {1}",
  "Check that the data partition can be written: `df /data` on the console.":
    "Prüfen Sie, ob die Datenpartition zu beschreiben ist: `df /data` auf der Konsole.",
  "the kernel has no target core": "der Kernel hat keinen Target-Kern",
  "Load target_core_mod and mount configfs.": "Laden Sie target_core_mod, und hängen Sie configfs ein.",
  "the kernel does not take {1} as a port of {2}: {3}": "der Kernel nimmt {1} nicht als Port von {2} an: {3}",
  "`scsigate adapters` lists the ports that there are, and what keeps one from being a target.":
    "`scsigate adapters` zeigt, welche Ports es gibt und was einen hindert, Target zu sein.",
  "the driver disk: {1}": "die Treiberplatte: {1}",
  "removal of the driver disk: {1}": "Entfernen der Treiberplatte: {1}",
  "storage object {1}: {2}": "Speicherobjekt {1}: {2}",
  "segment {1} as storage object: {2}": "Segment {1} als Speicherobjekt: {2}",
  "iSCSI target {1}: {2}": "iSCSI-Target {1}: {2}",
  "login without a password: {1}": "Anmeldung ohne Passwort: {1}",
  "portal {1}: {2}": "Portal {1}: {2}",
  "removal of portal {1}: {2}": "Entfernen des Portals {1}: {2}",
  "enabling {1}: {2}": "Einschalten von {1}: {2}",
  "the driver disk's LUN: {1}": "die LUN der Treiberplatte: {1}",
  "removal of the driver disk's LUN: {1}": "Entfernen der LUN der Treiberplatte: {1}",
  "access of {1}: {2}": "Zugang von {1}: {2}",
  "target port {1}: {2}": "Target-Port {1}: {2}",
  "removal of {1}: {2}": "Entfernen von {1}: {2}",
  "loop target of {1}: {2}": "Loop-Target von {1}: {2}",
  "removal of storage object {1}: {2}": "Entfernen des Speicherobjekts {1}: {2}",
  "`dmesg` on the console says what the kernel objects to.":
    "`dmesg` auf der Konsole sagt, was der Kernel daran auszusetzen hat.",
  "{1} exists and is not VLAN {2} on {3}": "{1} gibt es schon, und es ist nicht VLAN {2} auf {3}",
  "Remove that interface, or use another VLAN.": "Entfernen Sie diese Schnittstelle, oder nehmen Sie ein anderes VLAN.",
  "no key for the tunnels: {1}": "kein Schlüssel für die Tunnel: {1}",
  "Check that the data partition can be read and written: `df /data` on the console.":
    "Prüfen Sie, ob die Datenpartition zu lesen und zu beschreiben ist: `df /data` auf der Konsole.",
  "{1} is not installed": "{1} ist nicht installiert",
  "Install {1} in the image.": "Installieren Sie {1} im Image.",
  "there is no user {1}": "es gibt keinen Benutzer {1}",
  "Make one: adduser --system --group --no-create-home {1}":
    "Legen Sie einen an: adduser --system --group --no-create-home {1}",
  "the bundle's signature does not hold now: {1}": "die Signatur der Update-Datei gilt jetzt nicht: {1}",
  "the bundle's signature does not hold now: rauc was stopped":
    "die Signatur der Update-Datei gilt jetzt nicht: rauc wurde angehalten",
  "Check the gateway's clock; if it is right, the bundle needs a new signature.":
    "Prüfen Sie die Uhr des Gateways; geht sie richtig, braucht die Datei eine neue Signatur.",
  "the bundle is not signed with a key that this gateway trusts: {1}":
    "die Update-Datei ist nicht mit einem Schlüssel signiert, dem dieses Gateway vertraut: {1}",
  "the bundle is not signed with a key that this gateway trusts: rauc was stopped":
    "die Update-Datei ist nicht mit einem Schlüssel signiert, dem dieses Gateway vertraut: rauc wurde angehalten",
  "Get the bundle from where the gateway's image came from. docs/update.md says how to use keys of your own.":
    "Holen Sie die Datei von dort, woher das Image des Gateways kam. Wie man eigene Schlüssel benutzt, steht in docs/update.md.",
  "the bundle is for another board: {1}": "die Update-Datei ist für ein anderes Board: {1}",
  "the bundle is for another board: rauc was stopped":
    "die Update-Datei ist für ein anderes Board: rauc wurde angehalten",
  "Get this board's.": "Holen Sie die für dieses Board.",
  "the bundle has a form that is not taken: {1}": "die Update-Datei hat eine Form, die nicht angenommen wird: {1}",
  "the bundle has a form that is not taken: rauc was stopped":
    "die Update-Datei hat eine Form, die nicht angenommen wird: rauc wurde angehalten",
  "Make it with the format verity; docs/update.md says how.":
    "Machen Sie sie im Format verity; docs/update.md sagt, wie.",
  "the bundle is not whole: {1}": "die Update-Datei ist nicht ganz: {1}",
  "the bundle is not whole: rauc was stopped": "die Update-Datei ist nicht ganz: rauc wurde angehalten",
  "Get it again, and compare its size or checksum with what it is to be.":
    "Holen Sie sie noch einmal, und vergleichen Sie Größe oder Prüfsumme mit dem, was sie sein soll.",
  "the file is no update bundle": "die Datei ist kein Update",
  "Choose the file whose name ends with .raucb. An image to flash (.img.xz) cannot be installed from here.":
    "Wählen Sie die Datei, deren Name mit .raucb endet. Ein Image zum Aufspielen (.img.xz) lässt sich von hier aus nicht installieren.",
  "the update failed: {1}": "das Update ist gescheitert: {1}",
  "the update failed: rauc was stopped": "das Update ist gescheitert: rauc wurde angehalten",
  "The slot that runs was not touched. Try again; if it stays, report it with a support bundle.":
    "Der Slot, der läuft, wurde nicht angetastet. Versuchen Sie es noch einmal; wenn es bleibt, melden Sie es mit einem Paket für den Support.",
  "the bundle that was received is not there: {1}": "die empfangene Update-Datei ist nicht da: {1}",
  "the bundle that was received is not there: it is not a file of its own":
    "die empfangene Update-Datei ist nicht da: Es ist keine eigene Datei",
  "Send it again.": "Senden Sie sie noch einmal.",
  "there is no bundle to install": "es gibt keine Update-Datei zum Installieren",
  "Send one first.": "Senden Sie erst eine.",
  "the update service did not start: {1}": "der Dienst für Updates startete nicht: {1}",
  "the update service did not start: it does not answer": "der Dienst für Updates startete nicht: Er antwortet nicht",
  "Restart the gateway and try again; if it stays, report it with a support bundle.":
    "Starten Sie das Gateway neu, und versuchen Sie es noch einmal; wenn es bleibt, melden Sie es mit einem Paket für den Support.",
  "slot {1} has no image that has ever run well": "Slot {1} hat kein Image, das je gut lief",
  "There is nothing to go back to; install an update instead.":
    "Es gibt nichts, wohin man zurückgehen könnte; installieren Sie stattdessen ein Update.",
  "this machine does not run the image": "diese Maschine läuft nicht mit dem Image",
  "Update it with its package manager.": "Aktualisieren Sie sie mit ihrer Paketverwaltung.",
  // What the machine has.
  "the driver {1} has no target mode in Linux": "der Treiber {1} hat unter Linux keinen Target-Modus",
  "the driver of this adapter has no target mode in Linux":
    "der Treiber dieses Adapters hat unter Linux keinen Target-Modus",
  "{1} is an initiator only: qla2xxx was loaded with qlini_mode={2}":
    "{1} ist nur Initiator: qla2xxx wurde mit qlini_mode={2} geladen",
  "{1} is an initiator only: qla2xxx was loaded with qlini_mode=enabled":
    "{1} ist nur Initiator: qla2xxx wurde mit qlini_mode=enabled geladen",
  "this kernel has no module {1}": "dieser Kernel hat kein Modul {1}",
  "Use a QLogic adapter that the driver qla2xxx serves.":
    "Nehmen Sie einen QLogic-Adapter, den der Treiber qla2xxx bedient.",
  "Start the kernel with qla2xxx.qlini_mode=exclusive, then restart the gateway.":
    "Starten Sie den Kernel mit qla2xxx.qlini_mode=exclusive, dann das Gateway neu.",
  "Use an image whose kernel has it.": "Nehmen Sie ein Image, dessen Kernel es hat.",
  "/run, which is memory, has {1} KiB left": "/run, das Arbeitsspeicher ist, hat noch {1} KiB frei",
  "Restart the gateway. If it comes again, `du -a /run` on the console tells what is so large: report it.":
    "Starten Sie das Gateway neu. Wenn es wiederkommt, sagt `du -a /run` auf der Konsole, was so groß ist: Melden Sie es.",
  "the data partition is read-only: nothing that is set from now on is kept":
    "die Datenpartition ist nur lesbar: Nichts, was von jetzt an eingestellt wird, bleibt erhalten",
  "Restart the gateway: that checks the partition. If it stays, make a backup and use another card.":
    "Starten Sie das Gateway neu: Das prüft die Partition. Wenn es bleibt, machen Sie eine Sicherung, und nehmen Sie eine andere Karte.",
  "the data partition has {1} KiB left": "die Datenpartition hat noch {1} KiB frei",
  "Remove what is not the gateway's from the data partition, or use a larger card.":
    "Entfernen Sie von der Datenpartition, was nicht dem Gateway gehört, oder nehmen Sie eine größere Karte.",
  'the USB device {1} is no adapter of scsigate: it says "{2}"':
    'das USB-Gerät {1} ist kein Adapter von scsigate: Es nennt sich "{2}"',
  "Put the adapter's firmware on the board (docs/adapter.md), or name another serial number; `scsigate adapters` lists them.":
    "Spielen Sie die Firmware des Adapters auf das Board (docs/adapter.md), oder nennen Sie eine andere Seriennummer; `scsigate adapters` zeigt, welche es gibt.",
  "the adapter {1} is not there, and a board waits in its boot loader":
    "der Adapter {1} ist nicht da, und ein Board wartet in seinem Boot-Loader",
  "Copy scsigate-adapter.uf2 onto the disk RPI-RP2 that it shows, or unplug it and plug it in again without BOOTSEL.":
    "Kopieren Sie scsigate-adapter.uf2 auf die Platte RPI-RP2, die es zeigt, oder ziehen Sie es ab, und stecken Sie es ohne BOOTSEL wieder ein.",
  "the adapter {1} is not plugged in": "der Adapter {1} ist nicht eingesteckt",
  "Check its USB cable, which must carry data; `scsigate adapters` lists what is there.":
    "Prüfen Sie sein USB-Kabel, das auch Daten führen muss; `scsigate adapters` zeigt, was da ist.",
  "a board waits in its boot loader": "ein Board wartet in seinem Boot-Loader",
  // What stands in the way of a plan.
  "{1} of {2} is not a free part of the LAN's subnet {3}": "{1} von {2} ist kein freier Teil des LAN-Subnetzes {3}",
  "In mode proxy, set the segment's ipv4.address to a part of the LAN's subnet without its router and this gateway.":
    "Setzen Sie im Modus proxy ipv4.address des Segments auf einen Teil des LAN-Subnetzes ohne dessen Router und dieses Gateway.",
  "In mode proxy, set the segment's ipv4.address to a part of the LAN's subnet without its router and this gateway, for example {1}, where no host has an address.":
    "Setzen Sie im Modus proxy ipv4.address des Segments auf einen Teil des LAN-Subnetzes ohne dessen Router und dieses Gateway, zum Beispiel {1}, wo kein Host eine Adresse hat.",
  "{1} of {2} overlaps {3}, which the LAN has: {4} gets no address, so that the LAN stays within reach":
    "{1} von {2} überschneidet sich mit {3} des LANs: {4} bekommt keine Adresse, damit das LAN erreichbar bleibt",
  'Set the segment\'s ipv4.address to "auto", or to a subnet that the LAN does not use.':
    'Setzen Sie ipv4.address des Segments auf "auto", oder auf ein Subnetz, das das LAN nicht benutzt.',
  "no Ethernet interface for the LAN was found": "für das LAN wurde keine Ethernet-Schnittstelle gefunden",
  "the LAN interface {1} was not found": "die LAN-Schnittstelle {1} wurde nicht gefunden",
  "Check the network adapter; `ip link` on the console lists what the kernel sees.":
    "Prüfen Sie den Netzadapter; `ip link` auf der Konsole zeigt, was der Kernel sieht.",
  'Correct lan.interface in the configuration, or set it to "auto".':
    'Berichtigen Sie lan.interface in der Konfiguration, oder setzen Sie es auf "auto".',
  "{1} is an Ethernet interface of this machine, so no segment can have that name":
    "{1} ist eine Ethernet-Schnittstelle dieser Maschine, darum kann kein Segment so heißen",
  "mode mesh has no key, so other gateways are not spoken to":
    "im Modus mesh fehlt der Schlüssel, darum wird mit anderen Gateways nicht gesprochen",
  "Set mesh.key to the same value on all gateways of the mesh; `openssl rand -hex 24` makes one.":
    "Setzen Sie mesh.key auf allen Gateways des Mesh auf denselben Wert; `openssl rand -hex 24` macht einen.",
  "{1} has no IPv6: {2} has no address of a /64 of which mode proxy could give it a part":
    "{1} hat kein IPv6: {2} hat keine Adresse aus einem /64, von dem der Modus proxy ihm einen Teil geben könnte",
  "{1} has no IPv6: the LAN has no address of a /64 of which mode proxy could give it a part":
    "{1} hat kein IPv6: Das LAN hat keine Adresse aus einem /64, von dem der Modus proxy ihm einen Teil geben könnte",
  "Check that the LAN's router advertises a prefix, or switch the segment's ipv6 off.":
    "Prüfen Sie, ob der Router des LANs ein Präfix ankündigt, oder schalten Sie ipv6 des Segments aus.",
  "no private subnet is free for {1}: the LAN's routes cover all candidates":
    "für {1} ist kein privates Subnetz frei: Die Routen des LANs decken alle ab, die in Frage kommen",
  "Set the segment's ipv4.address by hand to a subnet that the LAN does not use.":
    "Setzen Sie ipv4.address des Segments von Hand auf ein Subnetz, das das LAN nicht benutzt.",
  "the router {1} on the way to {2} is on no network of this gateway":
    "der Router {1} auf dem Weg zu {2} ist in keinem Netz dieses Gateways",
  "Correct routes: a router has an address in the subnet of the LAN, of the storage or of a segment.":
    "Berichtigen Sie routes: Ein Router hat eine Adresse im Subnetz des LANs, des Speichernetzes oder eines Segments.",
  "{1} on the way to {2} is this gateway itself": "{1} auf dem Weg zu {2} ist dieses Gateway selbst",
  "Give another router's address.": "Geben Sie die Adresse eines anderen Routers an.",
  "{1} is a part of {2}, whose hosts are reached directly":
    "{1} ist ein Teil von {2}, dessen Hosts direkt erreicht werden",
  "Remove the route, or use another subnet on that side.":
    "Entfernen Sie die Route, oder nehmen Sie auf jener Seite ein anderes Subnetz.",
  "{1} behind a station of {2} would have {3} in it, which is here":
    "{1} hinter einer Station von {2} enthielte {3}, das hier ist",
  "Name the networks behind the station one by one.": "Nennen Sie die Netze hinter der Station eines nach dem anderen.",
  // Users, keys and changes.
  "users and keys cannot be read, so nobody can log in: {1}":
    "Benutzer und Schlüssel lassen sich nicht lesen, darum kann sich niemand anmelden: {1}",
  'Log in again in a moment. If it stays, the disk is failing: "recover" in the boot menu makes a new administrator.':
    'Melden Sie sich gleich noch einmal an. Wenn es bleibt, geht die Platte kaputt: "recover" im Boot-Menü macht einen neuen Administrator.',
  "{1} has no password yet": "{1} hat noch kein Passwort",
  'Send "password" as well.': 'Senden Sie auch "password".',
  "users and keys cannot be written: {1}": "Benutzer und Schlüssel lassen sich nicht schreiben: {1}",
  "Look at `df /data`.": "Sehen Sie sich `df /data` an.",
  "there would be no administrator left": "es bliebe kein Administrator übrig",
  "Make another user an administrator first.": "Machen Sie erst jemand anderes zum Administrator.",
  "there are {1} keys already": "es gibt schon {1} Schlüssel",
  "there are {1} users already": "es gibt schon {1} Benutzer",
  "Remove one that is not used.": "Entfernen Sie etwas, was nicht benutzt wird.",
  "another change waits for its confirmation": "eine andere Änderung wartet auf ihre Bestätigung",
  "Confirm it or roll it back first.": "Bestätigen Sie sie erst, oder nehmen Sie sie zurück.",
  "the configuration was changed in the meantime": "die Konfiguration wurde inzwischen geändert",
  "Read it again and make the change anew.": "Lesen Sie sie neu, und machen Sie die Änderung noch einmal.",
  "the configuration was changed since the draft was begun; the draft would undo that":
    "die Konfiguration wurde geändert, seit der Entwurf begonnen wurde; der Entwurf würde das zurücknehmen",
  "Drop the draft (scsigate config discard, or DELETE /api/v1/config/draft) and make the change anew.":
    "Verwerfen Sie den Entwurf (scsigate config discard, oder DELETE /api/v1/config/draft), und machen Sie die Änderung noch einmal.",
  "version {1} is not kept": "die Fassung {1} gibt es nicht mehr",
  "Choose one that is: `scsigate config history`, or GET /api/v1/config/history, lists them.":
    "Nehmen Sie eine, die es gibt: `scsigate config history` oder GET /api/v1/config/history zeigt sie.",
  "the document changes nothing": "das Dokument ändert nichts",
  "There is nothing to do.": "Es ist nichts zu tun.",
  "the document has form {1}, which a newer version has written":
    "das Dokument hat die Form {1}, die eine neuere Version geschrieben hat",
  "Update the gateway first, or write the document in the form that docs/configuration.md describes.":
    "Aktualisieren Sie erst das Gateway, oder schreiben Sie das Dokument in der Form, die docs/configuration.md beschreibt.",
  "the document has one mistake": "das Dokument hat einen Fehler",
  "the document has {1} mistakes": "das Dokument hat {1} Fehler",
  "Correct what errors names.": "Berichtigen Sie, was errors nennt.",
  "no change waits for a confirmation": "keine Änderung wartet auf eine Bestätigung",
  "no change waits for a confirmation; the last one was rolled back: the gateway restarted before the change was confirmed":
    "keine Änderung wartet auf eine Bestätigung; die letzte wurde zurückgenommen: das Gateway startete neu, bevor die Änderung bestätigt war",
  "no change waits for a confirmation; the last one was rolled back: {1}":
    "keine Änderung wartet auf eine Bestätigung; die letzte wurde zurückgenommen: {1 text}",
  "no change waits for a confirmation; the last one was rolled back: it was rolled back on request":
    "keine Änderung wartet auf eine Bestätigung; die letzte wurde zurückgenommen: das war gewünscht",
  "no change waits for a confirmation; the last one was rolled back: the gateway was reset":
    "keine Änderung wartet auf eine Bestätigung; die letzte wurde zurückgenommen: das Gateway wurde zurückgesetzt",
  "no change waits for a confirmation; the last one was rolled back: it was not confirmed in time":
    "keine Änderung wartet auf eine Bestätigung; die letzte wurde zurückgenommen: sie wurde nicht rechtzeitig bestätigt",
  "no change waits for a confirmation; {1}": "keine Änderung wartet auf eine Bestätigung; {1 text}",
  "no such change waits for a confirmation": "keine solche Änderung wartet auf eine Bestätigung",
  "no such change waits for a confirmation; the last one was rolled back: the gateway restarted before the change was confirmed":
    "keine solche Änderung wartet auf eine Bestätigung; die letzte wurde zurückgenommen: das Gateway startete neu, bevor die Änderung bestätigt war",
  "no such change waits for a confirmation; the last one was rolled back: {1}":
    "keine solche Änderung wartet auf eine Bestätigung; die letzte wurde zurückgenommen: {1 text}",
  "no such change waits for a confirmation; the last one was rolled back: it was rolled back on request":
    "keine solche Änderung wartet auf eine Bestätigung; die letzte wurde zurückgenommen: das war gewünscht",
  "no such change waits for a confirmation; the last one was rolled back: the gateway was reset":
    "keine solche Änderung wartet auf eine Bestätigung; die letzte wurde zurückgenommen: das Gateway wurde zurückgesetzt",
  "no such change waits for a confirmation; the last one was rolled back: it was not confirmed in time":
    "keine solche Änderung wartet auf eine Bestätigung; die letzte wurde zurückgenommen: sie wurde nicht rechtzeitig bestätigt",
  "no such change waits for a confirmation; {1}": "keine solche Änderung wartet auf eine Bestätigung; {1 text}",
  "Apply the change again, and confirm it within its time.":
    "Wenden Sie die Änderung noch einmal an, und bestätigen Sie sie rechtzeitig.",
  "the gateway restarted before the change was confirmed": "das Gateway startete neu, bevor die Änderung bestätigt war",
  "it was rolled back on request": "das war gewünscht",
  "the gateway was reset": "das Gateway wurde zurückgesetzt",
  "it was not confirmed in time": "sie wurde nicht rechtzeitig bestätigt",
  // The diagnosis, and trying connections.
  "segment {1}, {2}: {3}": "Segment {1}, {2 text}: {3 text}",
  "Adapter and driver": "Adapter und Treiber",
  Segment: "Segment",
  "Export to hosts": "Export an Hosts",
  Stations: "Stationen",
  "Station addresses": "Adressen der Stationen",
  "Gateway's address on the segment": "Adresse des Gateways am Segment",
  "Forwarding and firewall": "Weiterleitung und Firewall",
  "Other gateways": "Andere Gateways",
  "Encryption between gateways": "Verschlüsselung zwischen Gateways",
  "LAN link": "LAN-Verbindung",
  "LAN address": "LAN-Adresse",
  "Name on the LAN (mDNS)": "Name im LAN (mDNS)",
  "LAN router": "LAN-Router",
  "Names (DNS)": "Namen (DNS)",
  Clock: "Uhr",
  "MQTT broker": "MQTT-Broker",
  "Machine and service": "Maschine und Dienst",
  "{1} loaded; {2} has {3}": "{1} geladen; {2} hat {3}",
  "{1} loaded; adapter {2}": "{1} geladen; Adapter {2}",
  "{1} loaded": "{1} geladen",
  "{1} loaded; adapter {2}, firmware {3}": "{1} geladen; Adapter {2}, Firmware {3}",
  "{1} loaded; adapter {2}, firmware unknown": "{1} geladen; Adapter {2}, Firmware unbekannt",
  "{1} is there as {2}, MTU {3}": "{1} ist als {2} da, MTU {3}",
  "the adapter is a station of the bus": "der Adapter ist eine Station des Busses",
  "the adapter is a station of the bus, SCSI ID {1}": "der Adapter ist eine Station des Busses, SCSI-ID {1}",
  "LUN 0 of a loop target on this machine": "LUN 0 eines Loop-Targets auf dieser Maschine",
  "LUN 0 at {1} port {2}": "LUN 0 an {1}-Port {2}",
  "LUN 0 at {1} port {2}; {3} host logged in": "LUN 0 an {1}-Port {2}; {3} Host angemeldet",
  "LUN 0 at {1} port {2}; {3} hosts logged in": "LUN 0 an {1}-Port {2}; {3} Hosts angemeldet",
  "LUN 0 of {1} at {2}": "LUN 0 von {1} auf {2}",
  "LUN 0 of {1} at {2}; {3} host logged in": "LUN 0 von {1} auf {2}; {3} Host angemeldet",
  "LUN 0 of {1} at {2}; {3} hosts logged in": "LUN 0 von {1} auf {2}; {3} Hosts angemeldet",
  "{1} station up": "{1} Station aktiv",
  "{1} stations up": "{1} Stationen aktiv",
  "segment and LAN are bridged; rules are loaded": "Segment und LAN sind eine Bridge; die Regeln sind geladen",
  "IPv4 is forwarded; rules are loaded": "IPv4 wird weitergeleitet; die Regeln sind geladen",
  "IPv4 is forwarded; rules are loaded. The LAN's router needs a route to {1} via {2}":
    "IPv4 wird weitergeleitet; die Regeln sind geladen. Der Router des LANs braucht eine Route zu {1} über {2}",
  "{1} neighbour, {2} route": "{1} Nachbar, {2} Route",
  "{1} neighbour, {2} routes": "{1} Nachbar, {2} Routen",
  "{1} neighbours, {2} route": "{1} Nachbarn, {2} Route",
  "{1} neighbours, {2} routes": "{1} Nachbarn, {2} Routen",
  "{1} gateway, all with a handshake": "{1} Gateway, mit Handshake",
  "{1} gateways, all with a handshake": "{1} Gateways, alle mit Handshake",
  "link on {1}": "Link an {1}",
  "{1} answers": "{1} antwortet",
  "{1} answers in {2} ms": "{1} antwortet in {2 number} ms",
  "{1} answers ARP, but no ping": "{1} antwortet auf ARP, aber nicht auf Ping",
  "{1} answers, and knows {2}": "{1} antwortet und kennt {2}",
  "{1}, within {2} ms": "{1}, auf {2 number} ms genau",
  "connected to {1}, topics scsigate/{2}/#": "verbunden mit {1}, Topics scsigate/{2}/#",
  "still being set up": "wird noch eingerichtet",
  "nothing else is wrong": "sonst ist nichts gestört",
  "sent to {1}:{2} ({3})": "gesendet an {1}:{2} ({3})",
  "{1} has the address {2}": "{1} hat die Adresse {2}",
  "port {1} is open": "Port {1} ist offen",
  "{1}, certificate of {2}, until {3}": "{1}, Zertifikat von {2}, bis {3}",
  "{1}, certificate of (no name), until {2}": "{1}, Zertifikat von (ohne Namen), bis {2}",
  "the broker lets nobody (no user name is set) in":
    "der Broker lässt niemanden (kein Benutzername ist gesetzt) herein",
  "the broker lets {1} in": "der Broker lässt {1} herein",
  "Check that it is seated and supported (scsigate adapters), or export over iSCSI.":
    "Prüfen Sie, ob er fest steckt und unterstützt wird (scsigate adapters), oder exportieren Sie über iSCSI.",
  "Choose under Network, in the segment's fabric, what hosts reach it by.":
    "Wählen Sie unter Netz, in der Fabric des Segments, worüber Hosts es erreichen.",
  "Check power and cable of those hosts, and that ipscsi is loaded there.":
    "Prüfen Sie Strom und Kabel dieser Hosts, und ob dort ipscsi geladen ist.",
  "On a host, log in to {1}, as one of the named initiators.":
    "Melden Sie sich auf einem Host bei {1} an, als einer der genannten Initiatoren.",
  'On a host of the segment, run "modprobe ipscsi"; its log says what it found.':
    'Führen Sie auf einem Host des Segments "modprobe ipscsi" aus; sein Protokoll sagt, was es fand.',
  "See on those hosts that their interface on the segment is up, and has this address.":
    "Sehen Sie auf diesen Hosts nach, ob ihre Schnittstelle am Segment aktiv ist und diese Adresse hat.",
  'Start a DHCP client on the host, for example "dhclient {1}"; this gateway answers it.':
    'Starten Sie auf dem Host einen DHCP-Client, zum Beispiel "dhclient {1}"; dieses Gateway antwortet ihm.',
  "Switch the segment's DHCP on, or give those hosts addresses of its subnet by hand.":
    "Schalten Sie DHCP des Segments ein, oder geben Sie diesen Hosts von Hand Adressen aus seinem Subnetz.",
  "Check mesh.peers, and that those are on.": "Prüfen Sie mesh.peers, und ob diese eingeschaltet sind.",
  "Check that the others are on, in mode mesh, and have the same mesh.key.":
    "Prüfen Sie, ob die anderen eingeschaltet sind, im Modus mesh laufen und denselben mesh.key haben.",
  "Without one, only the LAN itself is reached: set lan.ipv4.gateway, or have DHCP tell it.":
    "Ohne sie wird nur das LAN selbst erreicht: Setzen Sie lan.ipv4.gateway, oder lassen Sie DHCP sie nennen.",
  "Check that the router is on; some are set up not to answer.":
    "Prüfen Sie, ob der Router eingeschaltet ist; manche sind so eingestellt, dass sie nicht antworten.",
  "Set names.nameServers, or have the DHCP server tell one.":
    "Setzen Sie names.nameServers, oder lassen Sie den DHCP-Server einen nennen.",
  "Give one of the two another hostname.": "Geben Sie einer von beiden einen anderen Hostnamen.",
  "Let the gateway reach a time server (NTP, UDP port 123), or set time.servers.":
    "Lassen Sie das Gateway einen Zeitserver erreichen (NTP, UDP-Port 123), oder setzen Sie time.servers.",
  "It is being corrected; look again in some minutes.":
    "Sie wird gerade gestellt; sehen Sie in einigen Minuten wieder nach.",
  'UDP tells nothing back: look for "test message" at the log server.':
    'UDP meldet nichts zurück: Suchen Sie auf dem Protokoll-Server nach "test message".',
  "nothing exports the segment, and no SCSI adapter that can be a target was found":
    "nichts exportiert das Segment, und es wurde kein SCSI-Adapter gefunden, der Target sein kann",
  "nothing exports the segment": "nichts exportiert das Segment",
  "{1} of {2} up; not: {3}": "{1} von {2} aktiv; nicht: {3}",
  "no host has logged in": "kein Host hat sich angemeldet",
  "no station has attached": "keine Station hat sich verbunden",
  "no answer from: {1}": "keine Antwort von: {1}",
  "no address known: {1}": "keine Adresse bekannt: {1}",
  "no answer from {1}": "keine Antwort von {1}",
  "none was found": "keines wurde gefunden",
  "no default route": "keine Default-Route",
  "{1} does not answer ping": "{1} antwortet nicht auf Ping",
  "no name server is known": "kein Nameserver ist bekannt",
  "{1}: another machine has the name {2}.local": "{1}: Eine andere Maschine hat den Namen {2}.local",
  "{1}, not synchronised": "{1}, nicht synchronisiert",
  'Run "modprobe {1}" on the console; it says what the kernel lacks.':
    'Führen Sie auf der Konsole "modprobe {1}" aus; es sagt, was dem Kernel fehlt.',
  "Check the adapter, or correct storage.interface.": "Prüfen Sie den Adapter, oder berichtigen Sie storage.interface.",
  "Check the cable of the storage network.": "Prüfen Sie das Kabel des Speichernetzes.",
  "Give it one in storage.ipv4.": "Geben Sie ihr eine in storage.ipv4.",
  "It is made within ten seconds; if not, the log says what failed.":
    "Sie wird binnen zehn Sekunden angelegt; wenn nicht, sagt das Protokoll, was gescheitert ist.",
  "Look at the log for what the target core refused.":
    "Sehen Sie im Protokoll nach, was der Target-Kern abgelehnt hat.",
  "Check cable and termination, then load ipscsi anew on a host.":
    "Prüfen Sie Kabel und Terminierung, und laden Sie dann auf einem Host ipscsi neu.",
  "Have those hosts ask for an address anew (a link that goes down and up is enough), or correct it by hand.":
    "Lassen Sie diese Hosts neu nach einer Adresse fragen (es genügt, den Link kurz zu trennen), oder berichtigen Sie sie von Hand.",
  "It is set within ten seconds; if not, set the segment's ipv4.address by hand.":
    "Sie wird binnen zehn Sekunden gesetzt; wenn nicht, setzen Sie ipv4.address des Segments von Hand.",
  "It is switched on within ten seconds; else see the log.":
    "Das wird binnen zehn Sekunden eingeschaltet; sonst sehen Sie im Protokoll nach.",
  "Set mesh.key, the same on all gateways.": "Setzen Sie mesh.key, auf allen Gateways denselben.",
  "It is started within ten seconds; if not, the log says why.":
    "Es wird binnen zehn Sekunden gestartet; wenn nicht, sagt das Protokoll, warum.",
  "Give the segment another subnet on one of the two gateways.":
    "Geben Sie dem Segment auf einem der beiden Gateways ein anderes Subnetz.",
  "Check the network adapter, or correct lan.interface.":
    "Prüfen Sie den Netzadapter, oder berichtigen Sie lan.interface.",
  "Check the network cable and the switch port.": "Prüfen Sie das Netzkabel und den Port am Switch.",
  "Check the LAN's DHCP server, or give a static address in lan.ipv4.":
    "Prüfen Sie den DHCP-Server des LANs, oder geben Sie in lan.ipv4 eine feste Adresse.",
  "Check the router, the cable between, and lan.ipv4.gateway.":
    "Prüfen Sie den Router, das Kabel dazwischen und lan.ipv4.gateway.",
  "Check that this name server runs, or set another in names.nameServers.":
    "Prüfen Sie, ob dieser Nameserver läuft, oder setzen Sie in names.nameServers einen anderen.",
  "Correct the broker's name in mqtt.url, or use its address.":
    "Berichtigen Sie den Namen des Brokers in mqtt.url, oder nehmen Sie seine Adresse.",
  "Let the gateway reach a time server (NTP, UDP port 123).":
    "Lassen Sie das Gateway einen Zeitserver erreichen (NTP, UDP-Port 123).",
  "Check mqtt.username and mqtt.password.": "Prüfen Sie mqtt.username und mqtt.password.",
  "Check mqtt.tls.certificate and mqtt.tls.key.": "Prüfen Sie mqtt.tls.certificate und mqtt.tls.key.",
  "Check mqtt.tls.ca, the name in mqtt.url, and the gateway's clock.":
    "Prüfen Sie mqtt.tls.ca, den Namen in mqtt.url und die Uhr des Gateways.",
  "Check the name in mqtt.url and the LAN's name server.":
    "Prüfen Sie den Namen in mqtt.url und den Nameserver des LANs.",
  "Check that the broker runs and that mqtt.url names it.":
    "Prüfen Sie, ob der Broker läuft und ob mqtt.url ihn nennt.",
  "Check that the log server runs, and syslog.host, port and transport.":
    "Prüfen Sie, ob der Protokoll-Server läuft, und syslog.host, port und transport.",
  "Check the LAN's name server.": "Prüfen Sie den Nameserver des LANs.",
  "Check the address, and firewalls on the way.": "Prüfen Sie die Adresse, und Firewalls auf dem Weg.",
  "Check that the broker runs there and listens on this port.":
    "Prüfen Sie, ob der Broker dort läuft und auf diesem Port wartet.",
  "Check that this port speaks TLS; if it does not, use mqtt://.":
    "Prüfen Sie, ob dieser Port TLS spricht; wenn nicht, nehmen Sie mqtt://.",
  "Something else listens on this port: check the port in mqtt.url.":
    "Etwas anderes wartet auf diesem Port: Prüfen Sie den Port in mqtt.url.",
  "Check the broker's log, and try MQTT {1}.": "Sehen Sie im Protokoll des Brokers nach, und versuchen Sie MQTT {1}.",
  "not loaded: {1}": "nicht geladen: {1}",
  "{1} was not found": "{1} wurde nicht gefunden",
  "no link on {1}": "kein Link an {1}",
  "{1} has no address": "{1} hat keine Adresse",
  "its interface does not exist": "seine Schnittstelle gibt es nicht",
  "the target core shows no enabled LUN of it": "der Target-Kern zeigt keine eingeschaltete LUN davon",
  "none of {1} answers": "keine von {1} antwortet",
  "not in the segment's subnet {1}: {2}": "nicht im Subnetz {1} des Segments: {2}",
  none: "keine",
  "the kernel does not forward IPv4": "der Kernel leitet IPv4 nicht weiter",
  "mode mesh has no key": "im Modus mesh fehlt der Schlüssel",
  "BIRD does not answer": "BIRD antwortet nicht",
  "{1} of {2} is announced by {3} as well": "{1} von {2} wird auch von {3} genannt",
  "no Ethernet interface": "keine Ethernet-Schnittstelle",
  "nobody has the address {1}": "niemand hat die Adresse {1}",
  "{1} does not know {2}": "{1} kennt {2} nicht",
  "{1}: not connected yet": "{1}: noch nicht verbunden",
  "no connection to {1}:{2} ({3})": "keine Verbindung zu {1}:{2} ({3})",
  "no answer about {1}": "keine Antwort zu {1}",
  "nobody knows {1}": "niemand kennt {1}",
  "no answer from port {1}": "keine Antwort von Port {1}",
  "port {1}: {2}": "Port {1}: {2}",
  "port {1}: unknown error": "Port {1}: unbekannter Fehler",
  "unknown error": "unbekannter Fehler",
  "no TLS answer": "keine Antwort mit TLS",
  "the broker closed the connection": "der Broker hat die Verbindung geschlossen",
  "not looked at before this is mended: {1}": "nicht geprüft, solange dies gestört ist: {1 text}",
  "the adapter was not asked yet": "der Adapter wurde noch nicht gefragt",
  "none can come while nothing exports the segment": "keine kann kommen, solange nichts das Segment exportiert",
  "no station is up": "keine Station ist aktiv",
  "waiting for {1}": "Warten auf {1}",
  "{1} was not asked": "{1} wurde nicht gefragt",
  "nothing answers for a name here, or its start is some seconds ago":
    "nichts antwortet hier für einen Namen, oder es startete vor einigen Sekunden",
  "{1}; nothing here compares it with a time server": "{1}; nichts vergleicht sie hier mit einem Zeitserver",
  "not exported: the gateway's own adapter finds the stations":
    "nicht exportiert: Der eigene Adapter des Gateways findet die Stationen",
  "the LAN gives them, and the gateway does not need to know them":
    "das LAN vergibt sie, und das Gateway braucht sie nicht zu kennen",
  "other gateways of the segment may give them, and this one does not need to know them":
    "andere Gateways des Segments vergeben sie vielleicht, und dieses braucht sie nicht zu kennen",
  "none is needed: segment and LAN are one network": "keine wird gebraucht: Segment und LAN sind ein Netz",
  "none is wanted": "keine ist gewünscht",
  "switched off": "ausgeschaltet",
  "telemetry is off": "Telemetrie ist aus",
  "{1} is an address": "{1} ist eine Adresse",
  "none: passwords and figures go in clear text": "keine: Passwörter und Messwerte gehen im Klartext",
  // Health, the certificate, refusals of the API.
  "the public key that is set for gateway {1} is this gateway's own":
    "der öffentliche Schlüssel, der für Gateway {1} eingestellt ist, ist der von diesem Gateway",
  "Copy the one of {1} from there: page Network, or `scsigate status`.":
    "Kopieren Sie den von {1} von dort: Seite Netz, oder `scsigate status`.",
  "no handshake with gateway {1}: nothing goes through its tunnels":
    "kein Handshake mit Gateway {1}: Durch seine Tunnel geht nichts",
  "no handshake with gateway {1} since {2}: nothing goes through its tunnels":
    "kein Handshake mit Gateway {1} seit {2}: Durch seine Tunnel geht nichts",
  "Check on both gateways that the other's public key, address and port are set in encryption, and that UDP gets through to that port.":
    "Prüfen Sie auf beiden Gateways, ob öffentlicher Schlüssel, Adresse und Port des anderen in encryption gesetzt sind und ob UDP zu diesem Port durchkommt.",
  "the executor does not answer": "der Executor antwortet nicht",
  "Look at the console's log.": "Sehen Sie im Protokoll auf der Konsole nach.",
  "the executor's answer is not understood": "die Antwort des Executors ist nicht zu verstehen",
  "Restart the supervisor.": "Starten Sie den Supervisor neu.",
  "this gateway has been set up already": "dieses Gateway ist schon eingerichtet",
  "Remove the file; or reset the gateway (a file named reset), which then takes it over.":
    "Entfernen Sie die Datei; oder setzen Sie das Gateway zurück (eine Datei namens reset), das sie dann übernimmt.",
  "scsigate.json was taken over, and is still on the boot partition: {1}":
    "scsigate.json wurde übernommen und ist noch auf der Boot-Partition: {1 text}",
  "Remove it from the card or disk by hand: it may have passwords in it.":
    "Entfernen Sie sie von Hand von der Karte oder Platte: Es können Passwörter darin sein.",
  "scsigate.json was not taken over: {1}": "scsigate.json wurde nicht übernommen: {1 text}",
  "scsigate.json was not taken over: {1}: {2}": "scsigate.json wurde nicht übernommen: {1}: {2 text}",
  "the data partition does not take it: {1}": "die Datenpartition nimmt es nicht an: {1}",
  "Check the card or disk, then start the gateway again.":
    "Prüfen Sie die Karte oder Platte, und starten Sie das Gateway dann noch einmal.",
  "configuration: the document: {1}": "Konfiguration: das Dokument: {1 text}",
  "configuration: {1}: {2}": "Konfiguration: {1}: {2 text}",
  "segment {1} does not exist": "das Segment {1} gibt es nicht",
  "It is made again within ten seconds; if not, look at the log on the console.":
    "Es wird binnen zehn Sekunden wieder angelegt; wenn nicht, sehen Sie im Protokoll auf der Konsole nach.",
  "no connection to {1}": "keine Verbindung zu {1}",
  "no connection to {1}: {2}": "keine Verbindung zu {1}: {2 text}",
  "no connection to the broker": "keine Verbindung zum Broker",
  "no connection to the broker: {1}": "keine Verbindung zum Broker: {1 text}",
  "the key fits certificate {1}, not the first one": "der Schlüssel passt zum Zertifikat {1}, nicht zum ersten",
  "this is the certificate of an authority, not of a server":
    "das ist das Zertifikat einer Zertifizierungsstelle, nicht das eines Servers",
  "the certificate is not for servers": "das Zertifikat ist nicht für Server",
  "OpenSSL cannot use this key and certificate": "OpenSSL kann diesen Schlüssel und dieses Zertifikat nicht benutzen",
  "there is no certificate in PEM form": "es gibt kein Zertifikat im PEM-Format",
  "more than {1} certificates": "mehr als {1} Zertifikate",
  "certificate {1} cannot be read": "das Zertifikat {1} lässt sich nicht lesen",
  "the key is locked with a passphrase": "der Schlüssel ist mit einer Passphrase verschlossen",
  "the key cannot be read": "der Schlüssel lässt sich nicht lesen",
  "browsers take no key of type {1}": "Browser nehmen keinen Schlüssel der Art {1}",
  "browsers take no key of type unknown": "Browser nehmen keinen Schlüssel unbekannter Art",
  "an RSA key of {1} bits is too short": "ein RSA-Schlüssel mit {1} Bit ist zu kurz",
  "certificate {1} ({2}) did not issue certificate {3}":
    "das Zertifikat {1} ({2}) hat das Zertifikat {3} nicht ausgestellt",
  "certificate {1} holds from {2} on; the gateway's clock says {3}":
    "das Zertifikat {1} gilt ab {2}; die Uhr des Gateways zeigt {3}",
  "certificate {1} ended on {2}; the gateway's clock says {3}":
    "das Zertifikat {1} lief am {2} ab; die Uhr des Gateways zeigt {3}",
  "Put the gateway's own certificate first.": "Setzen Sie das eigene Zertifikat des Gateways an den Anfang.",
  "Give the key that the certificate was made for.":
    "Geben Sie den Schlüssel an, für den das Zertifikat gemacht wurde.",
  "Have it issue one for this gateway.": "Lassen Sie sich eines für dieses Gateway ausstellen.",
  "Have it made with the extended key usage serverAuth.":
    "Lassen Sie es mit der erweiterten Schlüsselverwendung serverAuth machen.",
  "Use RSA with 2048 bits or more, or P-256, with SHA-256.":
    "Nehmen Sie RSA mit mindestens 2048 Bit, oder P-256, mit SHA-256.",
  "It starts with -----BEGIN CERTIFICATE-----.": "Es beginnt mit -----BEGIN CERTIFICATE-----.",
  "Copy it anew: something is missing or was changed.": "Kopieren Sie es neu: Etwas fehlt, oder es wurde verändert.",
  "Unlock it: openssl pkey -in locked.pem -out key.pem": "Öffnen Sie ihn: openssl pkey -in locked.pem -out key.pem",
  "Give it in PEM form: it starts with -----BEGIN PRIVATE KEY-----.":
    "Geben Sie ihn im PEM-Format an: Er beginnt mit -----BEGIN PRIVATE KEY-----.",
  "Use RSA with 2048 bits or more, or P-256.": "Nehmen Sie RSA mit mindestens 2048 Bit, oder P-256.",
  "Use {1} bits or more.": "Nehmen Sie mindestens {1} Bit.",
  "Order them: the gateway's own, then the one that issued it, and so on. Leave out what does not belong.":
    "Ordnen Sie sie: das des Gateways selbst, dann das, das es ausgestellt hat, und so weiter. Lassen Sie weg, was nicht dazugehört.",
  "If the clock is wrong, see to it first; else wait, or have a new one issued.":
    "Wenn die Uhr falsch geht, kümmern Sie sich erst darum; sonst warten Sie, oder lassen Sie ein neues ausstellen.",
  "Have a new one issued; if the clock is wrong, see to it first.":
    "Lassen Sie ein neues ausstellen; wenn die Uhr falsch geht, kümmern Sie sich erst darum.",
  "another program on this machine has port {1}": "ein anderes Programm auf dieser Maschine hat Port {1}",
  "port {1} cannot be opened: {2}": "Port {1} lässt sich nicht öffnen: {2}",
  "Give the page another port (http.port, http.httpsPort), or end that program: `ss -tlnp` names it.":
    "Geben Sie der Seite einen anderen Port (http.port, http.httpsPort), oder beenden Sie jenes Programm: `ss -tlnp` nennt es.",
  "Check it and try again; after some failures you have to wait.":
    "Prüfen Sie es, und versuchen Sie es noch einmal; nach einigen Fehlversuchen müssen Sie warten.",
  "Wait {1} s.": "Warten Sie {1} s.",
  "Try again in a few seconds.": "Versuchen Sie es in einigen Sekunden noch einmal.",
  "Log in first, or use /users.": "Melden Sie sich erst an, oder nehmen Sie /users.",
  "Check it and try again.": "Prüfen Sie es, und versuchen Sie es noch einmal.",
  "Log in at /api/v1/login.": "Melden Sie sich bei /api/v1/login an.",
  "Use letters, digits, dot, hyphen, underscore.": "Nehmen Sie Buchstaben, Ziffern, Punkt, Bindestrich, Unterstrich.",
  "GET the list to see what there is.": "Holen Sie die Liste mit GET, um zu sehen, was es gibt.",
  "Name a segment whose fabric is adapter: `scsigate status` shows them.":
    "Nennen Sie ein Segment, dessen Fabric adapter ist: `scsigate status` zeigt sie.",
  "Send JSON, with the header Content-Type: application/json.":
    "Senden Sie JSON, mit der Kopfzeile Content-Type: application/json.",
  "Correct it; UTF-8, no comments.": "Berichtigen Sie es; UTF-8, keine Kommentare.",
  "Send none.": "Senden Sie keinen.",
  "Send less.": "Senden Sie weniger.",
  "Send the ETag of GET /api/v1/config in the header If-Match, or * for whatever is there.":
    "Senden Sie das ETag von GET /api/v1/config in der Kopfzeile If-Match, oder * für alles, was da ist.",
  "Use {1} to {2}.": "Nehmen Sie {1} bis {2}.",
  "Use the gateway's own page.": "Nehmen Sie die Seite des Gateways selbst.",
  "Send the csrfToken of GET /api/v1/session in the header X-CSRF-Token.":
    "Senden Sie das csrfToken von GET /api/v1/session in der Kopfzeile X-CSRF-Token.",
  "Use another user or key, or have its scope changed.":
    "Nehmen Sie einen anderen Benutzer oder Schlüssel, oder lassen Sie dessen Rolle ändern.",
  "POST the token that the console shows, a name and a password to /api/v1/setup.":
    "Senden Sie das Token, das die Konsole zeigt, einen Namen und ein Passwort mit POST an /api/v1/setup.",
  "POST name and password to /api/v1/login.": "Senden Sie Name und Passwort mit POST an /api/v1/login.",
  "Look at the log; report it if it stays.": "Sehen Sie im Protokoll nach; melden Sie es, wenn es bleibt.",
  "Close some, or ask /api/v1/status now and then.": "Schließen Sie einige, oder fragen Sie ab und zu /api/v1/status.",
  "Use https:// and the gateway's address.": "Nehmen Sie https:// und die Adresse des Gateways.",
  "GET /api/v1/openapi.json says what there is.": "GET /api/v1/openapi.json sagt, was es gibt.",
  "Correct what is listed in errors.": "Berichtigen Sie, was in errors aufgeführt ist.",
  "Send the file itself, with the header Content-Type: application/octet-stream.":
    "Senden Sie die Datei selbst, mit der Kopfzeile Content-Type: application/octet-stream.",
  "this is not the token that the console shows": "das ist nicht das Token, das die Konsole zeigt",
  "name or password is wrong": "Name oder Passwort ist falsch",
  "too many failed attempts": "zu viele gescheiterte Versuche",
  "too many others log in at this moment": "zu viele andere melden sich gerade an",
  "only who has logged in by a name has a password": "nur wer sich mit einem Namen angemeldet hat, hat ein Passwort",
  "this is not your present password": "das ist nicht Ihr jetziges Passwort",
  "there is an administrator already": "es gibt schon einen Administrator",
  "this cannot be a name": "das kann kein Name sein",
  "there is no key {1}": "es gibt keinen Schlüssel {1}",
  "no segment {1} has an adapter on USB": "kein Segment {1} hat einen Adapter an USB",
  "the body is not marked as JSON": "der Inhalt ist nicht als JSON gekennzeichnet",
  "the body is not JSON: {1}": "der Inhalt ist kein JSON: {1}",
  "the body is not what this request takes": "der Inhalt ist nicht das, was diese Anfrage nimmt",
  "this request takes no body": "diese Anfrage nimmt keinen Inhalt",
  "the body is longer than {1} bytes": "der Inhalt ist länger als {1} Bytes",
  "the change does not say what it is a change of": "es ist nicht gesagt, wovon das eine Änderung ist",
  "confirmSeconds is not possible": "confirmSeconds ist so nicht möglich",
  "the request comes from another site's page": "die Anfrage kommt von der Seite eines anderen",
  "the request lacks its session's token": "der Anfrage fehlt das Token ihrer Sitzung",
  "this needs the scope {1}; {2} has {3}": "das braucht die Rolle {1}; {2} hat {3}",
  "the gateway has no administrator yet": "das Gateway hat noch keinen Administrator",
  "a login or an API key is needed": "eine Anmeldung oder ein API-Schlüssel ist nötig",
  "the request failed": "die Anfrage ist gescheitert",
  "too many pages are open": "zu viele Seiten sind offen",
  "the request names no host": "die Anfrage nennt keinen Host",
  "{1} is not possible here": "{1} ist hier nicht möglich",
  "there is nothing here": "hier ist nichts",
  "these settings cannot be tried": "diese Einstellungen lassen sich nicht ausprobieren",
  "the body is not marked as a file": "der Inhalt ist nicht als Datei gekennzeichnet",
  "there is no segment {1}": "es gibt kein Segment {1}",
  "GET /api/v1/status lists the segments.": "GET /api/v1/status zeigt die Segmente.",
  "{1} is no whole number": "{1} ist keine ganze Zahl",
  "the range ends before it begins": "der Bereich endet, bevor er beginnt",
  "step is not possible": "step ist so nicht möglich",
  "these would be more than {1} values": "das wären mehr als {1} Werte",
  "Milliseconds since 1970; 15 minutes before the end unless told.":
    "Millisekunden seit 1970; 15 Minuten vor dem Ende, wenn nicht anders gesagt.",
  "Milliseconds since 1970; now unless told.": "Millisekunden seit 1970; jetzt, wenn nicht anders gesagt.",
  "Seconds between two values; as fine as the range is kept unless told: 1 for 15 minutes, 60 for a day, 600 for a week.":
    "Sekunden zwischen zwei Werten; so fein, wie der Bereich aufbewahrt ist, wenn nicht anders gesagt: 1 für 15 Minuten, 60 für einen Tag, 600 für eine Woche.",
  "Make from less than to.": "Machen Sie from kleiner als to.",
  "Use 1 to 86400 seconds.": "Nehmen Sie 1 bis 86400 Sekunden.",
  "Use a step of {1} s or more, or a shorter range.":
    "Nehmen Sie einen Schritt von {1} s oder mehr, oder einen kürzeren Bereich.",
  "lines is no whole number from 1 to {1}": "lines ist keine ganze Zahl von 1 bis {1}",
  "Ask for 500 to get all that are kept.": "Fragen Sie nach 500, um alle zu bekommen, die aufbewahrt sind.",
  "the page's key cannot be stored: {1}; the page has one that is gone after a restart":
    "der Schlüssel der Seite lässt sich nicht speichern: {1}; die Seite hat einen, der nach einem Neustart weg ist",
  "the page's key cannot be read: {1}; the page has one that is gone after a restart":
    "der Schlüssel der Seite lässt sich nicht lesen: {1}; die Seite hat einen, der nach einem Neustart weg ist",
  "Check that the data partition is mounted for writing and has room; browsers warn of the other key.":
    "Prüfen Sie, ob die Datenpartition zum Schreiben eingehängt ist und Platz hat; Browser warnen vor dem anderen Schlüssel.",
  "the page's certificate ended on {1}": "das Zertifikat der Seite lief am {1} ab",
  "the page's certificate ends on {1}": "das Zertifikat der Seite läuft am {1} ab",
  "Replace it under System, or have the gateway make one: scsigate certificate regenerate.":
    "Ersetzen Sie es unter System, oder lassen Sie das Gateway eines machen: scsigate certificate regenerate.",
  "the data partition does not take the certificate: {1}; the old one stays":
    "die Datenpartition nimmt das Zertifikat nicht an: {1}; das alte bleibt",
  "Check that the partition is mounted for writing and has room.":
    "Prüfen Sie, ob die Partition zum Schreiben eingehängt ist und Platz hat.",
  "no TLS key could be made: {1}": "kein TLS-Schlüssel ließ sich machen: {1}",
  "Check that openssl is there, and that /run has room.": "Prüfen Sie, ob openssl da ist und /run Platz hat.",
  "station {1} on {2} comes and goes": "die Station {1} an {2} kommt und geht",
  "Check the station, its adapter and its cable; `ethtool -S` of the segment shows what fails.":
    "Prüfen Sie die Station, ihren Adapter und ihr Kabel; `ethtool -S` des Segments zeigt, was scheitert.",
  "segment {1} is reset again and again": "das Segment {1} wird immer wieder zurückgesetzt",
  "Check termination and cables of the bus, and the network under iSCSI; dmesg names the adapter.":
    "Prüfen Sie Terminierung und Kabel des Busses, und das Netz unter iSCSI; dmesg nennt den Adapter.",
  "BIRD, which tells other gateways our segments, does not run":
    "BIRD, das anderen Gateways unsere Segmente nennt, läuft nicht",
  "It is started again within ten seconds; if not, look at /run/scsigate/bird/bird.log on the console.":
    "Es wird binnen zehn Sekunden wieder gestartet; wenn nicht, sehen Sie auf der Konsole in /run/scsigate/bird/bird.log nach.",
  "gateway {1} of mesh.peers is not heard": "das Gateway {1} aus mesh.peers ist nicht zu hören",
  "Check that it runs in mode mesh with the same mesh.key, has this gateway in its mesh.peers, and that GRE gets through.":
    "Prüfen Sie, ob es im Modus mesh mit demselben mesh.key läuft, dieses Gateway in seinen mesh.peers hat und ob GRE durchkommt.",
  "{1} of segment {2} is announced by another gateway ({3}), too":
    "{1} des Segments {2} wird auch von einem anderen Gateway ({3}) genannt",
  "Give the segment of one of the two another subnet in ipv4.address.":
    "Geben Sie dem Segment eines der beiden in ipv4.address ein anderes Subnetz.",
  "{1} stations on {2} are the initiator {3}; its settings are for {4} alone":
    "{1} Stationen an {2} sind der Initiator {3}; seine Einstellungen gelten für {4} allein",
  "{1} stations on {2} are the initiator {3}; its settings are for one of them alone":
    "{1} Stationen an {2} sind der Initiator {3}; seine Einstellungen gelten für eine davon allein",
  "Give each host an initiator name of its own, and add it to fabric.initiators.":
    "Geben Sie jedem Host einen eigenen Initiator-Namen, und fügen Sie ihn zu fabric.initiators hinzu.",
  "{1} has {2} degrees Celsius": "{1} hat {2 number} Grad Celsius",
  "Give the board air or a heat sink: it slows down to save itself.":
    "Geben Sie dem Board Luft oder einen Kühlkörper: Es wird langsamer, um sich zu schützen.",
  "no line resets the adapter": "keine Leitung setzt den Adapter zurück",
  "Name the line in panel.adapterReset, and look at health; or unplug the adapter and plug it in again.":
    "Nennen Sie die Leitung in panel.adapterReset, und sehen Sie sich den Zustand an; oder ziehen Sie den Adapter ab, und stecken Sie ihn wieder ein.",
  "panel.{1}: {2}": "panel.{1}: {2 text}",
  "panel.{1}: the line cannot be used: {2}": "panel.{1}: Die Leitung lässt sich nicht benutzen: {2}",
  "Choose another line, or take it out of panel.":
    "Nehmen Sie eine andere Leitung, oder nehmen Sie sie aus panel heraus.",
  "the panel's lines have gone: {1}": "die Leitungen des Bedienfelds sind weg: {1}",
  "They are tried again every ten seconds.": "Sie werden alle zehn Sekunden wieder versucht.",
  // Stations, updates and all else.
  "there is no finished capture": "es gibt keinen fertigen Mitschnitt",
  "Start one.": "Starten Sie einen.",
  "this capture is no longer there": "dieser Mitschnitt ist nicht mehr da",
  "GET /api/v1/capture tells of the one that there is.": "GET /api/v1/capture nennt den, den es gibt.",
  "no IP address of {1} is known": "keine IP-Adresse von {1} ist bekannt",
  "Give it one: run a DHCP client on it, and see that its link is up.":
    "Geben Sie ihr eine: Starten Sie darauf einen DHCP-Client, und sehen Sie nach, ob ihr Link da ist.",
  "ping said nothing that is known": "ping sagte nichts, was bekannt ist",
  "Try it by hand on the console.": "Versuchen Sie es von Hand auf der Konsole.",
  "iperf3 said nothing that is known": "iperf3 sagte nichts, was bekannt ist",
  "no iperf3 server answers at {1}: {2}": "kein iperf3-Server antwortet auf {1}: {2}",
  "Start one on the station: iperf3 -s. It listens on TCP port 5201; see that a firewall there lets it through.":
    "Starten Sie einen auf der Station: iperf3 -s. Er wartet auf TCP-Port 5201; sehen Sie nach, ob eine Firewall dort das durchlässt.",
  "iperf3: {1}": "iperf3: {1}",
  "Try again; the server on the station serves one test at a time.":
    "Versuchen Sie es noch einmal; der Server auf der Station bedient einen Test zur selben Zeit.",
  "there is no station {1}": "es gibt keine Station {1}",
  "there is no station {1} on {2}": "es gibt keine Station {1} an {2}",
  "GET /api/v1/stations lists the stations; one that left long ago is known by its settings only.":
    "GET /api/v1/stations zeigt die Stationen; eine, die vor langem ging, ist nur noch durch ihre Einstellungen bekannt.",
  "you would cut off the machine that you work on": "Sie würden die Maschine trennen, an der Sie arbeiten",
  "Block it from another machine.": "Sperren Sie sie von einer anderen Maschine aus.",
  "{1} is the name of station {2}": "{1} ist der Name der Station {2}",
  "Give that station another name first, or choose another one here.":
    "Geben Sie jener Station erst einen anderen Namen, oder wählen Sie hier einen anderen.",
  "station {1} has {2} now": "die Station {1} hat jetzt {2}",
  "Use a free address, or reserve another one for that station and wait until it has it.":
    "Nehmen Sie eine freie Adresse, oder reservieren Sie jener Station eine andere, und warten Sie, bis sie sie hat.",
  "{1} was never here: its address is not known": "{1} war nie hier: Die Adresse ist nicht bekannt",
  "Wait until it was here, or remove the entry from the configuration.":
    "Warten Sie, bis sie hier war, oder entfernen Sie den Eintrag aus der Konfiguration.",
  "station {1}: nothing proves its initiator's name": "Station {1}: Nichts beweist den Namen ihres Initiators",
  "station {1}: it is the initiator {2}": "Station {1}: Sie ist der Initiator {2}",
  "Settings go by an initiator's name where fabric.initiators has it and the station came by it.":
    "Einstellungen gelten nach dem Namen eines Initiators, wo fabric.initiators ihn hat und die Station darüber kam.",
  "the configuration does not have the segment {1}": "die Konfiguration hat das Segment {1} nicht",
  "Add {1} to the segments of the configuration first.": "Fügen Sie erst {1} zu den Segmenten der Konfiguration hinzu.",
  "the log server {1}:{2} does not get the log: {3}":
    "der Protokoll-Server {1}:{2} bekommt das Protokoll nicht: {3 text}",
  "Check that it runs and that syslog.host, port and transport name it.":
    "Prüfen Sie, ob er läuft und ob syslog.host, port und transport ihn nennen.",
  "Test message": "Testnachricht",
  "the broker ended the session: this user may not do what the gateway does (not authorized)":
    "der Broker hat die Sitzung beendet: Dieser Benutzer darf nicht, was das Gateway tut (not authorized)",
  "the broker ended the session: another client has the id {1}, too; was a gateway's disk copied?":
    "der Broker hat die Sitzung beendet: Ein anderer Client hat auch die ID {1}; wurde die Platte eines Gateways kopiert?",
  "the broker is shutting down": "der Broker fährt herunter",
  "the broker ended the session (reason 0x{1})": "der Broker hat die Sitzung beendet (Grund 0x{1})",
  "the broker ended the session at once: the user may not publish, or another client has the id {1}, too":
    "der Broker hat die Sitzung sofort beendet: Der Benutzer darf nicht senden, oder ein anderer Client hat auch die ID {1}",
  "the connection was closed": "die Verbindung wurde geschlossen",
  "events cannot be kept: {1}": "Ereignisse lassen sich nicht aufbewahren: {1}",
  "Free space on the data partition, or replace the card; events are in memory until then.":
    "Schaffen Sie Platz auf der Datenpartition, oder ersetzen Sie die Karte; bis dahin sind Ereignisse im Arbeitsspeicher.",
  "the gateway is still being set up": "das Gateway wird noch eingerichtet",
  "Wait; if it takes minutes, look at the log on the console.":
    "Warten Sie; wenn es Minuten dauert, sehen Sie im Protokoll auf der Konsole nach.",
  "the bundle could not be fetched: it was cancelled": "die Update-Datei ließ sich nicht holen: Es wurde abgebrochen",
  "the bundle could not be fetched: {1}": "die Update-Datei ließ sich nicht holen: {1 text}",
  "the bundle could not be fetched: the server sends us on to {1}":
    "die Update-Datei ließ sich nicht holen: Der Server schickt uns weiter zu {1}",
  "the bundle could not be fetched: the server sends us on to nowhere":
    "die Update-Datei ließ sich nicht holen: Der Server schickt uns weiter, sagt aber nicht wohin",
  "the bundle could not be fetched: the server's certificate is not trusted: {1}":
    "die Update-Datei ließ sich nicht holen: Dem Zertifikat des Servers wird nicht vertraut: {1}",
  "the bundle could not be fetched: the server says {1}": "die Update-Datei ließ sich nicht holen: Der Server sagt {1}",
  "Begin it again when you like.": "Beginnen Sie noch einmal, wenn Sie möchten.",
  "Check the address, the gateway's network, and the server.":
    "Prüfen Sie die Adresse, das Netz des Gateways und den Server.",
  "Give the file's own address.": "Geben Sie die Adresse der Datei selbst an.",
  "Check the gateway's clock and the server's certificate, or use http:// here: the bundle itself is signed.":
    "Prüfen Sie die Uhr des Gateways und das Zertifikat des Servers, oder nehmen Sie hier http://: Die Update-Datei selbst ist signiert.",
  "The server wants a login.": "Der Server verlangt eine Anmeldung.",
  "Check the address.": "Prüfen Sie die Adresse.",
  "this is no message for RAUC": "das ist keine Nachricht für RAUC",
  "Report this with a support bundle.": "Melden Sie das mit einem Paket für den Support.",
  "the fleet's program names a file that is not its own":
    "das Programm der Flotte nennt eine Datei, die nicht seine eigene ist",
  "the fleet's server {1} does not answer: {2}": "der Server {1} der Flotte antwortet nicht: {2}",
  "Check that it runs, and update.fleet.server, tenant and verify.":
    "Prüfen Sie, ob er läuft, und update.fleet.server, tenant und verify.",
  "the fleet's server {1} does not take the token": "der Server {1} der Flotte nimmt das Token nicht an",
  "Compare controllerId and token with the target there, and see that the server takes this kind of token (authentication settings of the tenant).":
    "Vergleichen Sie controllerId und Token mit dem Target dort, und sehen Sie nach, ob der Server diese Art Token annimmt (Authentication Settings des Mandanten).",
  "the program that asks the fleet's server does not run: {1}":
    "das Programm, das den Server der Flotte fragt, läuft nicht: {1}",
  "The log has its last words. An image without rauc-hawkbit-updater cannot do this: set update.fleet.enabled to false.":
    "Das Protokoll hat seine letzten Worte. Ein Image ohne rauc-hawkbit-updater kann das nicht: Setzen Sie update.fleet.enabled auf false.",
  "the bundle is for {1}; this gateway is {2}": "die Update-Datei ist für {1}; dieses Gateway ist {2}",
  "Get the bundle for this board.": "Holen Sie die Update-Datei für dieses Board.",
  "nobody can tell whether {1} is newer than {2}, which runs":
    "es ist nicht zu sagen, ob {1} neuer ist als {2}, das läuft",
  "version {1} runs already": "die Version {1} läuft schon",
  "{1} is older than {2}, which runs": "{1} ist älter als {2}, das läuft",
  "Choose a newer one, or allow it knowingly (--allow-downgrade, allowDowngrade). An older version may not know the present settings' form; then it runs with those from before.":
    "Wählen Sie eine neuere, oder erlauben Sie es bewusst (--allow-downgrade, allowDowngrade). Eine ältere Version kennt vielleicht die Form der jetzigen Einstellungen nicht; dann läuft sie mit denen von früher.",
  "the file is longer than {1} MiB": "die Datei ist länger als {1} MiB",
  "This is no update bundle.": "Das ist keine Update-Datei.",
  "the bundle does not fit; {1} MiB are free on the data partition":
    "die Update-Datei passt nicht hinein; auf der Datenpartition sind {1} MiB frei",
  "the bundle has {1} MiB; {2} MiB are free on the data partition":
    "die Update-Datei hat {1} MiB; auf der Datenpartition sind {2} MiB frei",
  "Use a larger card or disk, or remove what is not the gateway's from the data partition.":
    "Nehmen Sie eine größere Karte oder Platte, oder entfernen Sie von der Datenpartition, was nicht dem Gateway gehört.",
  "the bundle cannot be written: {1}": "die Update-Datei lässt sich nicht schreiben: {1}",
  "Check that the data partition is mounted for writing; `df /data` and `dmesg` on the console tell.":
    "Prüfen Sie, ob die Datenpartition zum Schreiben eingehängt ist; `df /data` und `dmesg` auf der Konsole sagen es.",
  "the state of the image cannot be read: {1}": "der Zustand des Image lässt sich nicht lesen: {1 text}",
  "this is no web address": "das ist keine Web-Adresse",
  "Give one with http:// or https://.": "Geben Sie eine mit http:// oder https:// an.",
  "Send one, or name its address.": "Senden Sie eine, oder nennen Sie ihre Adresse.",
  "Getting ready": "Wird vorbereitet",
  "Checking the signature": "Die Signatur wird geprüft",
  "Receiving {1}": "{1} wird empfangen",
  "nothing waits for a restart": "nichts wartet auf einen Neustart",
  "Install an update first.": "Installieren Sie erst ein Update.",
  "Offer a newer one, or set update.fleet.allowDowngrade.":
    "Bieten Sie eine neuere an, oder setzen Sie update.fleet.allowDowngrade.",
  "the supervisor started anew while the update was installed":
    "der Supervisor startete neu, während das Update installiert wurde",
  "the gateway was restarted while the update was written":
    "das Gateway wurde neu gestartet, während das Update geschrieben wurde",
  "The image that runs was not touched. Install the update again.":
    "Das Image, das läuft, wurde nicht angetastet. Installieren Sie das Update noch einmal.",
  "the update to {1} did not start, or did not run well; {2} runs again":
    "das Update auf {1} startete nicht oder lief nicht gut; {2} läuft wieder",
  "the update to the image in slot {1} did not start, or did not run well; {2} runs again":
    "das Update auf das Image in Slot {1} startete nicht oder lief nicht gut; {2} läuft wieder",
  "{1}, in slot {2}, did not start, or did not run well; {3} runs":
    "{1} in Slot {2} startete nicht oder lief nicht gut; {3} läuft",
  "the image in slot {1}, in slot {2}, did not start, or did not run well; {3} runs":
    "das Image in Slot {1} ({2}) startete nicht oder lief nicht gut; {3} läuft",
  "Nothing is lost. Install a corrected update; the console of such a start says what went wrong.":
    "Nichts ist verloren. Installieren Sie ein berichtigtes Update; die Konsole eines solchen Starts sagt, was schiefging.",
  "an update is under way already": "ein Update ist schon im Gang",
  "Wait until it has ended, or cancel it.": "Warten Sie, bis es zu Ende ist, oder brechen Sie es ab.",
  "the bundle did not arrive whole": "die Update-Datei kam nicht ganz an",
  "it was given up before the restart": "es wurde vor dem Neustart aufgegeben",
  "Nothing is to be done; what runs stays.": "Es ist nichts zu tun; was läuft, bleibt.",
  "Try the command by hand on the console; it says what {1} does not like.":
    "Versuchen Sie den Befehl von Hand auf der Konsole; er sagt, was {1} nicht passt.",
  "Look at the log on the console; report it if it stays.":
    "Sehen Sie im Protokoll auf der Konsole nach; melden Sie es, wenn es bleibt.",
  // What schemas say about settings, and about what requests have in them.
  "The one document that says what the gateway does. Kept at /data/scsigate/config.json.":
    "Das eine Dokument, das sagt, was das Gateway tut. Es liegt in /data/scsigate/config.json.",
  "Version of this document's form.": "Version der Form dieses Dokuments.",
  "Name of the gateway: letters, digits and hyphens, at most 63 of them. The LAN's DHCP server and stations are told it, and with mdns.enabled the gateway is found as HOSTNAME.local.":
    "Name des Gateways: Buchstaben, Ziffern und Bindestriche, höchstens 63. Der DHCP-Server des LANs und die Stationen erfahren ihn, und mit mdns.enabled ist das Gateway als HOSTNAME.local zu finden.",
  "How segment hosts reach the LAN. routed: the segment is a subnet of its own and the LAN has a route to it. nat: a subnet of its own that goes out under the gateway's address; the LAN needs to know nothing. proxy: the segment has a part of the LAN's subnet, and the gateway answers ARP and neighbour discovery for it. bridge: segment and LAN are one layer-2 network, addresses come from the LAN. mesh: as routed, and gateways with the same mesh.key tell each other their segments.":
    "Wie Hosts der Segmente das LAN erreichen. routed: Das Segment ist ein eigenes Subnetz, und das LAN hat eine Route dorthin. nat: ein eigenes Subnetz, das unter der Adresse des Gateways hinausgeht; das LAN braucht nichts zu wissen. proxy: Das Segment hat einen Teil des LAN-Subnetzes, und das Gateway antwortet dafür auf ARP und Neighbour Discovery. bridge: Segment und LAN sind ein Netz der Schicht 2, Adressen kommen aus dem LAN. mesh: wie routed, und Gateways mit demselben mesh.key nennen einander ihre Segmente.",
  "The Ethernet side.": "Die Ethernet-Seite.",
  "Name of the interface, or auto: the first physical Ethernet that is not the storage one.":
    "Name der Schnittstelle, oder auto: das erste physische Ethernet, das nicht das des Speichernetzes ist.",
  "VLAN of the LAN (IEEE 802.1Q), where its packets have a tag on this port. Leave it out where they have none.":
    "VLAN des LANs (IEEE 802.1Q), wenn seine Pakete an diesem Port ein Tag haben. Lassen Sie es weg, wenn nicht.",
  "A second Ethernet that carries iSCSI segments only. Leave it out when there is none.":
    "Ein zweites Ethernet, das nur iSCSI-Segmente trägt. Lassen Sie es weg, wenn es keines gibt.",
  "Name of the interface.": "Name der Schnittstelle.",
  "The SCSI segments that the gateway serves.": "Die SCSI-Segmente, die das Gateway bedient.",
  "Name of the segment and of its network interface: a small letter, then at most 11 small letters and digits.":
    "Name des Segments und seiner Netzschnittstelle: ein Kleinbuchstabe, dann höchstens 11 Kleinbuchstaben und Ziffern.",
  "The gateway's own address on the segment.": "Die Adresse des Gateways selbst am Segment.",
  "Address with prefix length, or auto: a /24 of private addresses that the LAN does not use. In mode proxy, a part of the LAN's subnet that nobody else gives out. Not used in mode bridge.":
    "Adresse mit Präfixlänge, oder auto: ein /24 privater Adressen, das das LAN nicht benutzt. Im Modus proxy ein Teil des LAN-Subnetzes, den sonst niemand vergibt. Im Modus bridge nicht benutzt.",
  "IPv6 on the segment, in all modes but bridge. Hosts get their addresses from router advertisements; in mode proxy by DHCPv6, out of the LAN's prefix.":
    "IPv6 am Segment, in allen Modi außer bridge. Hosts bekommen ihre Adressen aus Router Advertisements; im Modus proxy durch DHCPv6, aus dem Präfix des LANs.",
  "Whether there is IPv6.": "Ob es IPv6 gibt.",
  "The gateway's address with prefix length 64, or auto: in a unique local prefix (RFC 4193) of this gateway. In mode proxy auto only.":
    "Die Adresse des Gateways mit Präfixlänge 64, oder auto: in einem Präfix (Unique Local, RFC 4193) dieses Gateways. Im Modus proxy nur auto.",
  "DHCP and DNS for the segment's hosts.": "DHCP und DNS für die Hosts des Segments.",
  "Whether the gateway gives out addresses.": "Ob das Gateway Adressen vergibt.",
  "How long a host may keep an address, seconds.": "Wie lange ein Host eine Adresse behalten darf, in Sekunden.",
  "For hosts that boot from the net: what they load, and from where. The gateway has no boot server of its own. In mode nat, TFTP reaches only a server on the segment; HTTP reaches any.":
    "Für Hosts, die vom Netz booten: was sie laden und woher. Das Gateway hat selbst keinen Boot-Server. Im Modus nat erreicht TFTP nur einen Server am Segment; HTTP erreicht jeden.",
  "IPv4 address of the boot server (next server).": "IPv4-Adresse des Boot-Servers (next server).",
  "Boot file's name or URL, as the boot server knows it.":
    "Name oder URL der Bootdatei, wie der Boot-Server sie kennt.",
  "Boot file for hosts that say that they boot by UEFI; absent: the same.":
    "Bootdatei für Hosts, die sagen, dass sie mit UEFI booten; fehlt sie: dieselbe.",
  "Further DHCP options, sent to every host whether it asks for them or not.":
    "Weitere DHCP-Optionen, die jeder Host bekommt, ob er danach fragt oder nicht.",
  "The option's number (RFC 2132 and later). Those that the gateway sets itself have settings of their own.":
    "Die Nummer der Option (RFC 2132 und später). Die das Gateway selbst setzt, haben eigene Einstellungen.",
  "What the value is: a text; IPv4 addresses with commas between; a number of 8, 16 or 32 bits; bytes in hexadecimal with colons between.":
    "Was der Wert ist: ein Text; IPv4-Adressen mit Kommas dazwischen; eine Zahl mit 8, 16 oder 32 Bit; Bytes hexadezimal mit Doppelpunkten dazwischen.",
  "The value, written as its type says: no quotation marks, no backslashes.":
    "Der Wert, geschrieben, wie seine Art es sagt: ohne Anführungszeichen, ohne Backslash.",
  "What is special about single stations.": "Was für einzelne Stationen gilt.",
  "Station address: six bytes in small hexadecimal digits. Either this or initiator.":
    "Stationsadresse: sechs Bytes in kleinen hexadezimalen Ziffern. Entweder dies oder initiator.",
  "In the place of the address: the host's name on the fabric, one of fabric.initiators. The settings stay with it when its station address changes, and the fabric does not let it in while it is blocked.":
    "Statt der Adresse: der Name des Hosts an der Fabric, einer aus fabric.initiators. Die Einstellungen bleiben bei ihm, wenn sich seine Stationsadresse ändert, und die Fabric lässt ihn nicht herein, solange er gesperrt ist.",
  "Its name, in the place of the one that it tells; also its name in the segment's DNS. Letters, digits and hyphens, at most 63 of them.":
    "Ihr Name, statt dessen, den sie nennt; auch ihr Name im DNS des Segments. Buchstaben, Ziffern und Bindestriche, höchstens 63.",
  "The address that it always gets by DHCP: in the segment's subnet, and not the gateway's own.":
    "Die Adresse, die sie durch DHCP immer bekommt: im Subnetz des Segments, und nicht die des Gateways.",
  "block: nothing of what it sends gets through the gateway, and nothing is sent to it.":
    "block: Nichts, was sie sendet, kommt durch das Gateway, und nichts wird ihr gesendet.",
  "Makes the segment one layer-2 network with segments of other gateways (VXLAN, RFC 7348): in the modes routed, nat and mesh. What goes between the gateways is encrypted and authenticated where section encryption has them, and else neither.":
    "Macht das Segment zu einem Netz der Schicht 2 mit Segmenten anderer Gateways (VXLAN, RFC 7348): in den Modi routed, nat und mesh. Was zwischen den Gateways geht, ist verschlüsselt und authentifiziert, wenn der Abschnitt encryption sie hat, und sonst keines von beiden.",
  "Number of the layer-2 network (VXLAN network identifier): the same on all its gateways.":
    "Nummer des Netzes der Schicht 2 (VXLAN Network Identifier): dieselbe auf allen seinen Gateways.",
  "LAN addresses of all the other gateways of this layer-2 network.":
    "LAN-Adressen aller anderen Gateways dieses Netzes der Schicht 2.",
  "IPv4 address of a gateway.": "IPv4-Adresse eines Gateways.",
  "Largest packet that hosts are told to send, bytes: 50 less than what the network between the gateways takes. Where that is encrypted, hosts are told no more than encryption.mtu less 50.":
    "Größtes Paket, das Hosts senden sollen, in Bytes: 50 weniger, als das Netz zwischen den Gateways nimmt. Wo das verschlüsselt ist, wird Hosts höchstens encryption.mtu weniger 50 genannt.",
  "What exports the segment to hosts. iscsi: a target on the storage Ethernet. qla2xxx: a Fibre Channel port. srpt: an InfiniBand or RoCE port. sbp: a FireWire port. adapter: a bus of parallel SCSI, by an adapter on USB. loop: this machine itself (for the lab). none: nothing yet. `scsigate adapters` lists what this machine has.":
    "Was das Segment an Hosts exportiert. iscsi: ein Target am Speicher-Ethernet. qla2xxx: ein Fibre-Channel-Port. srpt: ein InfiniBand- oder RoCE-Port. sbp: ein FireWire-Port. adapter: ein paralleler SCSI-Bus, über einen Adapter an USB. loop: diese Maschine selbst (für das Labor). none: noch nichts. `scsigate adapters` zeigt, was diese Maschine hat.",
  "iSCSI name of the target.": "iSCSI-Name des Targets.",
  "Addresses and ports to listen on.": "Adressen und Ports, auf denen gewartet wird.",
  "IPv4 address and port.": "IPv4-Adresse und Port.",
  "iSCSI names of the hosts that may use the segment. Nobody else gets in.":
    "iSCSI-Namen der Hosts, die das Segment benutzen dürfen. Niemand sonst kommt herein.",
  "iSCSI name of a host.": "iSCSI-Name eines Hosts.",
  "What a host proves at login, beside its name. none: nothing. chap: that it knows the password of section chap. mutual: that, and the gateway proves itself to the host.":
    "Was ein Host bei der Anmeldung beweist, außer seinem Namen. none: nichts. chap: dass er das Passwort aus dem Abschnitt chap kennt. mutual: das, und auch das Gateway weist sich dem Host aus.",
  "Not possible here: a network is no bus, and everybody on it would get in.":
    "Hier nicht möglich: Ein Netz ist kein Bus, und jeder dort käme herein.",
  "World-wide port name of the adapter's port.": "World Wide Port Name vom Port des Adapters.",
  "World-wide port names of the hosts that may use the segment. Nobody else gets in, unless it is open.":
    "World Wide Port Names der Hosts, die das Segment benutzen dürfen. Niemand sonst kommt herein, außer wenn es offen ist.",
  "World-wide port name of a host.": "World Wide Port Name eines Hosts.",
  "Whether every host on the fabric may use the segment.": "Ob jeder Host an der Fabric das Segment benutzen darf.",
  "GID of the adapter's port: 0x and 32 digits.": "GID vom Port des Adapters: 0x und 32 Ziffern.",
  "Initiator port identifiers of the hosts that may use the segment. Nobody else gets in.":
    "Initiator-Port-Kennungen der Hosts, die das Segment benutzen dürfen. Niemand sonst kommt herein.",
  "Initiator port identifier of a host: 0x and 32 digits.": "Initiator-Port-Kennung eines Hosts: 0x und 32 Ziffern.",
  "GUID (EUI-64) of the FireWire card: 16 digits.": "GUID (EUI-64) der FireWire-Karte: 16 Ziffern.",
  "Must be true: on FireWire, the kernel's target admits every host on the bus.":
    "Muss true sein: An FireWire lässt das Target des Kernels jeden Host am Bus zu.",
  "USB serial number of the adapter (docs/adapter.md): 16 digits, as `scsigate adapters` lists them.":
    "USB-Seriennummer des Adapters (docs/adapter.md): 16 Ziffern, wie `scsigate adapters` sie zeigt.",
  "SCSI ID of the adapter on its bus: one that nothing else there has. Absent, it keeps the one that it has; a new one has 4.":
    "SCSI-ID des Adapters an seinem Bus: eine, die dort nichts sonst hat. Fehlt sie, behält er die, die er hat; ein neuer hat 4.",
  "Where REQ is on the board. probe: it finds out itself. db25: BlueSCSI v2 DB25 and Centronics, ZuluSCSI Pico. desktop50: BlueSCSI v2 Desktop50 and PowerBook. Absent, it stays as it is; a new one probes.":
    "Wo REQ auf der Platine ist. probe: Er findet es selbst heraus. db25: BlueSCSI v2 DB25 und Centronics, ZuluSCSI Pico. desktop50: BlueSCSI v2 Desktop50 und PowerBook. Fehlt es, bleibt es, wie es ist; ein neuer probiert.",
  "Whether a GET that finds nothing waits, disconnected from the bus, where the initiator allows that. Faster answers, less traffic; never tried with real host adapters. Absent, it stays as it is; a new one answers at once.":
    "Ob ein GET, das nichts findet, vom Bus getrennt wartet, wo der Initiator das erlaubt. Schnellere Antworten, weniger Verkehr; nie mit echten Host-Adaptern erprobt. Fehlt es, bleibt es, wie es ist; ein neuer antwortet sofort.",
  "A DaynaPORT SCSI/Link at an ID of its own, for vintage hosts with its driver. Absent, it stays as it is; a new one has none.":
    "Ein DaynaPORT SCSI/Link an einer eigenen ID, für alte Hosts mit dessen Treiber. Fehlt es, bleibt es, wie es ist; ein neuer hat keinen.",
  "Whether it is there.": "Ob es ihn gibt.",
  "Its SCSI ID, another one than the adapter's.": "Seine SCSI-ID, eine andere als die des Adapters.",
  "Whether short frames come in records of 128 bytes instead of 64, as NetBSD's driver expects.":
    "Ob kurze Rahmen in Sätzen von 128 Bytes statt 64 kommen, wie der Treiber von NetBSD es erwartet.",
  "Whether hosts of the segment also find a small read-only disk labelled SCSIGATE (LUN 1), with the driver and a script that installs it. With the fabrics iscsi, qla2xxx and srpt.":
    "Ob Hosts des Segments auch eine kleine, nur lesbare Platte namens SCSIGATE (LUN 1) finden, mit dem Treiber und einem Skript, das ihn installiert. Mit den Fabrics iscsi, qla2xxx und srpt.",
  "CHAP passwords for iSCSI. Segments whose fabric.authentication is chap or mutual use them.":
    "CHAP-Passwörter für iSCSI. Segmente, deren fabric.authentication chap oder mutual ist, benutzen sie.",
  "Name that hosts log in with.": "Name, mit dem sich Hosts anmelden.",
  "Password that hosts log in with: 12 to 64 characters without spaces. Windows takes at most 16.":
    "Passwort, mit dem sich Hosts anmelden: 12 bis 64 Zeichen ohne Leerzeichen. Windows nimmt höchstens 16.",
  "Name that the gateway proves itself with, for mutual.": "Name, mit dem sich das Gateway ausweist, für mutual.",
  "Password that the gateway proves itself with, for mutual; another one than the hosts'.":
    "Passwort, mit dem sich das Gateway ausweist, für mutual; ein anderes als das der Hosts.",
  "What gateways in mode mesh share.": "Was Gateways im Modus mesh gemeinsam haben.",
  "Key that gateways prove to each other that they belong together with: 16 to 64 characters without spaces and double quotes, the same on all of them. `openssl rand -hex 24` makes one.":
    "Schlüssel, mit dem Gateways einander beweisen, dass sie zusammengehören: 16 bis 64 Zeichen ohne Leerzeichen und doppelte Anführungszeichen, auf allen derselbe. `openssl rand -hex 24` macht einen.",
  "Gateways that are not on this LAN: a tunnel (GRE) leads to each. They need this gateway's address here, too. What goes through a tunnel is encrypted where section encryption has the gateway.":
    "Gateways, die nicht in diesem LAN sind: Zu jedem führt ein Tunnel (GRE). Auch dort muss die Adresse dieses Gateways stehen. Was durch einen Tunnel geht, ist verschlüsselt, wenn der Abschnitt encryption das Gateway hat.",
  "IPv4 address of a gateway on its own LAN.": "IPv4-Adresse eines Gateways in seinem eigenen LAN.",
  "Networks that other gateways may announce beside private ones (IPv4 of RFC 1918, /16 to /30; unique local IPv6, /48 to /64): these and parts of them.":
    "Netze, die andere Gateways außer privaten nennen dürfen (IPv4 nach RFC 1918, /16 bis /30; Unique Local IPv6, /48 bis /64): diese und Teile davon.",
  "Network with prefix length, IPv4 (/8 to /32) or IPv6 (/16 to /128).":
    "Netz mit Präfixlänge, IPv4 (/8 bis /32) oder IPv6 (/16 bis /128).",
  "Encrypts the tunnels between gateways (WireGuard): those of mesh.peers, and of segments[].extend. Each gateway makes a key of its own, as soon as it has a mesh or a segment that spans gateways; the public half, which the others need, is on the page Network and in `scsigate status`.":
    "Verschlüsselt die Tunnel zwischen Gateways (WireGuard): die von mesh.peers und von segments[].extend. Jedes Gateway macht sich einen eigenen Schlüssel, sobald es ein Mesh oder ein Segment über mehrere Gateways hat; die öffentliche Hälfte, die die anderen brauchen, steht auf der Seite Netz und in `scsigate status`.",
  "Gateways to which nothing goes unencrypted, and from which nothing is taken that is not. They need this gateway's address and public key in their settings, too.":
    "Gateways, zu denen nichts unverschlüsselt geht und von denen nichts Unverschlüsseltes angenommen wird. Auch in deren Einstellungen müssen Adresse und öffentlicher Schlüssel dieses Gateways stehen.",
  "The gateway's address, as in mesh.peers or segments[].extend.peers.":
    "Die Adresse des Gateways, wie in mesh.peers oder segments[].extend.peers.",
  "Its public key, as it shows it itself: 43 letters, digits, + and /, and = at the end.":
    "Sein öffentlicher Schlüssel, wie es ihn selbst zeigt: 43 Buchstaben, Ziffern, + und /, und am Ende =.",
  "Its encryption.port.": "Sein encryption.port.",
  "UDP port of this gateway, for what is encrypted.": "UDP-Port dieses Gateways, für das Verschlüsselte.",
  "Largest packet that is encrypted, bytes: 60 less than what the network between the gateways takes; the default leaves room for PPPoE and the like. The same on all gateways.":
    "Größtes Paket, das verschlüsselt wird, in Bytes: 60 weniger, als das Netz zwischen den Gateways nimmt; die Vorgabe lässt Platz für PPPoE und Ähnliches. Auf allen Gateways dasselbe.",
  "Date and time. Everything is kept in UTC; the zone is for people.":
    "Datum und Zeit. Alles wird in UTC geführt; die Zone ist für Menschen.",
  "Time zone that the console and the page show times in: a name of the IANA list.":
    "Zeitzone, in der Konsole und Seite Zeiten zeigen: ein Name der IANA-Liste.",
  "Time servers (NTP) that the gateway sets its clock by, as names or addresses. Empty: those that the LAN's DHCP server tells, and pool.ntp.org.":
    "Zeitserver (NTP), nach denen das Gateway seine Uhr stellt, als Namen oder Adressen. Leer: die, die der DHCP-Server des LANs nennt, und pool.ntp.org.",
  "Whether the gateway is the segments' time server; it tells stations so by DHCP. Without a time server of its own it gives them its clock as it is: then they agree at least.":
    "Ob das Gateway der Zeitserver der Segmente ist; durch DHCP sagt es das den Stationen. Ohne eigenen Zeitserver gibt es ihnen seine Uhr, wie sie ist: Dann stimmen sie wenigstens überein.",
  "Ways to networks behind other routers, on the LAN, on the storage network or on a segment.":
    "Wege zu Netzen hinter anderen Routern, im LAN, im Speichernetz oder an einem Segment.",
  "Network with prefix length, without bits beyond it; ::/0 for all of IPv6. What leads to all of IPv4 is lan.ipv4.gateway.":
    "Netz mit Präfixlänge, ohne Bits dahinter; ::/0 für alle IPv6-Netze. Was zu allen IPv4-Netzen führt, ist lan.ipv4.gateway.",
  "The next router: an address in the subnet of the LAN, of the storage network or of a segment.":
    "Der nächste Router: eine Adresse im Subnetz des LANs, des Speichernetzes oder eines Segments.",
  "Of two ways to one network, the one with the smaller number is taken.":
    "Von zwei Wegen zu einem Netz wird der mit der kleineren Zahl genommen.",
  "Name servers and names, for the gateway and the hosts of its segments.":
    "Nameserver und Namen, für das Gateway und die Hosts seiner Segmente.",
  "Name servers that are asked in the place of those that the LAN's DHCP server tells, or that lan.ipv4.dns has.":
    "Nameserver, die statt derer gefragt werden, die der DHCP-Server des LANs nennt oder die lan.ipv4.dns hat.",
  "IPv4 or IPv6 address.": "IPv4- oder IPv6-Adresse.",
  "Names that the gateway itself answers for the hosts of its segments.":
    "Namen, für die das Gateway den Hosts seiner Segmente selbst antwortet.",
  "A host's name, with or without a domain. Several entries of one name give it several addresses.":
    "Name eines Hosts, mit oder ohne Domain. Mehrere Einträge mit einem Namen geben ihm mehrere Adressen.",
  "A shell over the network, for root, by key only. It can be reached from where the page can be (firewall.management).":
    "Eine Shell über das Netz, für root, nur mit Schlüssel. Sie ist von dort zu erreichen, von wo es auch die Seite ist (firewall.management).",
  "Whether there is one. It takes at least one key.": "Ob es sie gibt. Sie braucht mindestens einen Schlüssel.",
  "TCP port.": "TCP-Port.",
  "Public keys of those who may log in. Whoever does is root: they may read and change everything.":
    "Öffentliche Schlüssel derer, die sich anmelden dürfen. Wer das tut, ist root: Er darf alles lesen und ändern.",
  "The gateway's name on the LAN (mDNS): it answers to HOSTNAME.local, and is in the lists of those who look for web pages, on the sides from which the page can be reached (firewall.management).":
    "Der Name des Gateways im LAN (mDNS): Es antwortet auf HOSTNAME.local und steht in den Listen derer, die nach Webseiten suchen, auf den Seiten des Gateways, von denen aus die Webseite zu erreichen ist (firewall.management).",
  "Whether it answers.": "Ob es antwortet.",
  "Tells the switch at the other end of the LAN's cable the gateway's name, address and version (LLDP, IEEE 802.1AB). It only tells; what others say is not read.":
    "Nennt dem Switch am anderen Ende des LAN-Kabels Name, Adresse und Version des Gateways (LLDP, IEEE 802.1AB). Es nennt nur; was andere sagen, wird nicht gelesen.",
  "Whether it tells.": "Ob es das nennt.",
  "LEDs, a button and a reset line on the board's own GPIO. None is used unless it is named here.":
    "LEDs, ein Taster und eine Reset-Leitung an den GPIO des Boards selbst. Benutzt wird nur, was hier genannt ist.",
  "LED that is on while the gateway works, and blinks while it starts.":
    "LED, die leuchtet, während das Gateway arbeitet, und blinkt, während es startet.",
  "LED that flickers while packets go over a segment.": "LED, die flackert, während Pakete über ein Segment gehen.",
  "LED that is on while something is wrong; the page says what.":
    "LED, die leuchtet, während etwas gestört ist; die Seite sagt, was.",
  "Button. Pressed shortly: the gateway says on its console and on the page that it is this one. Held for ten seconds, which the LEDs count down: factory reset.":
    "Taster. Kurz gedrückt: Das Gateway sagt auf seiner Konsole und auf der Seite, dass es dieses ist. Zehn Sekunden gehalten, die die LEDs herunterzählen: Werkszustand.",
  "Reset line of an adapter on USB: `scsigate adapter reset` pulls it.":
    "Reset-Leitung eines Adapters an USB: `scsigate adapter reset` zieht daran.",
  "Who may reach what. Storage is never forwarded to; segments reach DHCP, DNS and ping of the gateway.":
    "Wer was erreichen darf. Zum Speichernetz wird nie weitergeleitet; Segmente erreichen DHCP, DNS und Ping des Gateways.",
  "Sides from which the page and the API can be reached.":
    "Seiten, von denen aus die Webseite und die API zu erreichen sind.",
  "A side.": "Eine Seite.",
  "Addresses from which they can be reached; empty: all of those sides.":
    "Adressen, von denen aus sie zu erreichen sind; leer: alle auf diesen Seiten.",
  "Drops what comes from a segment with an address that is not of it, and from elsewhere with one that is.":
    "Verwirft, was von einem Segment mit einer Adresse kommt, die nicht von dort ist, und von anderswo mit einer, die es ist.",
  "New connections to the gateway itself from one address; more are dropped.":
    "Neue Verbindungen zum Gateway selbst von einer Adresse; mehr werden verworfen.",
  "TCP connections to the gateway itself that one address may have at a time; more are dropped.":
    "TCP-Verbindungen zum Gateway selbst, die eine Adresse zur selben Zeit haben darf; mehr werden verworfen.",
  "Whether hosts of one segment reach those of another.": "Ob Hosts eines Segments die eines anderen erreichen.",
  "Ports of the gateway on the LAN that lead to a segment host. For mode nat.":
    "Ports des Gateways im LAN, die zu einem Host am Segment führen. Für den Modus nat.",
  "tcp or udp.": "tcp oder udp.",
  "On the LAN.": "Im LAN.",
  "The segment host.": "Der Host am Segment.",
  "There; the same one unless told.": "Dort; derselbe, wenn nicht anders gesagt.",
  "Rules of your own, in this order, before those above.": "Eigene Regeln, in dieser Reihenfolge, vor denen oben.",
  "What it is for.": "Wofür sie da ist.",
  "What happens.": "Was geschieht.",
  "Where it comes from: any, lan, storage, segments, or a segment's name.":
    "Woher es kommt: any, lan, storage, segments, oder der Name eines Segments.",
  "Where it goes: gateway, any (what is forwarded), lan, segments, or a segment's name.":
    "Wohin es geht: gateway, any (was weitergeleitet wird), lan, segments, oder der Name eines Segments.",
  "Protocol.": "Protokoll.",
  "Destination ports or ranges, for tcp and udp; empty: all.": "Zielports oder Bereiche, für tcp und udp; leer: alle.",
  "Port or range.": "Port oder Bereich.",
  "Source addresses; empty: all.": "Quelladressen; leer: alle.",
  "Destination addresses; empty: all.": "Zieladressen; leer: alle.",
  "The web page and the API.": "Die Webseite und die API.",
  "Plain HTTP: redirects to HTTPS.": "HTTP ohne Verschlüsselung: leitet auf HTTPS um.",
  "HTTPS.": "HTTPS.",
  "The port that the redirect names: differs from httpsPort behind a port mapping.":
    "Der Port, den die Umleitung nennt: hinter einer Portumsetzung ein anderer als httpsPort.",
  "Telemetry. Topics are in docs/telemetry.md.": "Telemetrie. Die Topics stehen in docs/telemetry.md.",
  "Whether telemetry is sent.": "Ob Telemetrie gesendet wird.",
  "The broker: mqtt://host:port or mqtts://host:port, without user name and password.":
    "Der Broker: mqtt://host:port oder mqtts://host:port, ohne Benutzername und Passwort.",
  "Seconds between two rounds of counters.": "Sekunden zwischen zwei Runden von Zählern.",
  "Version of MQTT that is spoken.": "Version von MQTT, die gesprochen wird.",
  "User name at the broker, where it wants one.": "Benutzername am Broker, wo er einen verlangt.",
  "Password at the broker.": "Passwort am Broker.",
  "For mqtts:// only.": "Nur für mqtts://.",
  "Certificates (PEM) of who may vouch for the broker, in the place of the public ones.":
    "Zertifikate (PEM) derer, die für den Broker bürgen dürfen, statt der öffentlichen.",
  "Our own certificate (PEM), with those between it and its root; needs key.":
    "Unser eigenes Zertifikat (PEM), mit denen zwischen ihm und seiner Wurzel; braucht key.",
  "Key (PEM, without a password) of our own certificate.":
    "Schlüssel (PEM, ohne Passwort) unseres eigenen Zertifikats.",
  "Whether the broker's certificate and name are checked. Without, anybody on the way can read and change what is sent.":
    "Ob Zertifikat und Name des Brokers geprüft werden. Ohne das kann jeder auf dem Weg lesen und ändern, was gesendet wird.",
  "Announces the gateway to Home Assistant.": "Kündigt das Gateway in Home Assistant an.",
  "Whether Home Assistant finds the gateway by itself.": "Ob Home Assistant das Gateway von selbst findet.",
  "Home Assistant's discovery prefix.": "Discovery-Präfix von Home Assistant.",
  "What the gateway does when a message asks for it. Whoever may publish on the broker can use it.":
    "Was das Gateway tut, wenn eine Nachricht darum bittet. Wer am Broker senden darf, kann es benutzen.",
  "Whether commands are taken at all.": "Ob überhaupt Befehle angenommen werden.",
  "Commands that are taken. refresh: send all figures now. restart: start the supervisor anew; forwarding goes on. update: install the update that waits and restart into it.":
    "Befehle, die angenommen werden. refresh: jetzt alle Messwerte senden. restart: den Supervisor neu starten; die Weiterleitung geht weiter. update: das wartende Update installieren und damit neu starten.",
  "Name of a command.": "Name eines Befehls.",
  "Sends the supervisor's log to a log server as well (RFC 5424).":
    "Sendet das Protokoll des Supervisors auch an einen Protokoll-Server (RFC 5424).",
  "Whether it is sent.": "Ob es gesendet wird.",
  "Name or address of the log server.": "Name oder Adresse des Protokoll-Servers.",
  "Its port.": "Sein Port.",
  "udp, or tcp with octet counting (RFC 6587).": "udp, oder tcp mit Octet Counting (RFC 6587).",
  "The least important level that is sent.": "Die unwichtigste Stufe, die gesendet wird.",
  "Answers SNMPv2c on UDP port 161, from where the page can be reached (firewall.management): the system group and the counters of all interfaces (IF-MIB), to read only.":
    "Beantwortet SNMPv2c auf UDP-Port 161, von dort, von wo die Seite zu erreichen ist (firewall.management): die Gruppe system und die Zähler aller Schnittstellen (IF-MIB), nur zum Lesen.",
  "Whether it answers. It takes a community.": "Ob es antwortet. Es braucht eine Community.",
  "Whoever knows it may ask; it goes over the network in the clear. 6 to 64 characters, printable ASCII without spaces, quotes and backslash.":
    "Wer sie kennt, darf fragen; sie geht unverschlüsselt über das Netz. 6 bis 64 Zeichen, druckbares ASCII ohne Leerzeichen, Anführungszeichen und Backslash.",
  "Where the gateway stands (sysLocation), in ASCII.": "Wo das Gateway steht (sysLocation), in ASCII.",
  "Who looks after it (sysContact), in ASCII.": "Wer sich darum kümmert (sysContact), in ASCII.",
  "Updates of the image.": "Updates des Image.",
  "A hawkBit server that gives gateways their updates. It says how often it is asked.":
    "Ein hawkBit-Server, der Gateways ihre Updates gibt. Er sagt, wie oft er gefragt wird.",
  "Whether it is asked.": "Ob er gefragt wird.",
  "The server: https://host:port or http://host:port, without a path. With http://, anybody on the way can read the token.":
    "Der Server: https://host:port oder http://host:port, ohne Pfad. Mit http:// kann jeder auf dem Weg das Token lesen.",
  "The tenant there.": "Der Mandant dort.",
  "The gateway's name there (controllerId). Without it, the gateway's id: the twelve digits that MQTT topics have.":
    "Der Name des Gateways dort (controllerId). Fehlt er, die ID des Gateways: die zwölf Ziffern, die MQTT-Topics haben.",
  "Token of this gateway alone (target security token). Either this or gatewayToken.":
    "Token dieses Gateways allein (Target Security Token). Entweder dies oder gatewayToken.",
  "Token that all targets of the tenant may use (gateway security token). Whoever has it can speak for all of them.":
    "Token, das alle Targets des Mandanten benutzen dürfen (Gateway Security Token). Wer es hat, kann für alle sprechen.",
  "Whether the server's certificate and name are checked, by the public certificate authorities. Without, anybody on the way can read the token; bundles are signed all the same.":
    "Ob Zertifikat und Name des Servers geprüft werden, nach den öffentlichen Zertifizierungsstellen. Ohne das kann jeder auf dem Weg das Token lesen; Update-Dateien sind auch dann signiert.",
  "Whether a bundle is installed that is not newer than what runs.":
    "Ob ein Update installiert wird, das nicht neuer ist als das, was läuft.",
  "Whether the gateway restarts by itself when a bundle of the server is installed. Otherwise it waits for somebody to restart it.":
    "Ob das Gateway von selbst neu startet, wenn ein Update des Servers installiert ist. Sonst wartet es, bis jemand es neu startet.",
  "A line of a GPIO chip, as gpioinfo lists them.": "Eine Leitung eines GPIO-Bausteins, wie gpioinfo sie zeigt.",
  "The chip's label.": "Die Bezeichnung (label) des Bausteins.",
  "The line's number on that chip.": "Die Nummer der Leitung an diesem Baustein.",
  "Whether the line is low when it is on, or when the button is pressed.":
    "Ob die Leitung Low ist, wenn sie an ist oder der Taster gedrückt ist.",
  "Name of a network interface: at most 15 characters.": "Name einer Netzschnittstelle: höchstens 15 Zeichen.",
  "iSCSI name: iqn.<year>-<month>.<domain backwards>:<anything>, small letters, or eui./naa. and digits.":
    "iSCSI-Name: iqn.<Jahr>-<Monat>.<Domain rückwärts>:<Beliebiges>, Kleinbuchstaben, oder eui./naa. und Ziffern.",
  "World-wide port name: eight bytes, small letters.": "World Wide Port Name: acht Bytes, Kleinbuchstaben.",
  "128 bits: 0x and 32 digits, small letters.": "128 Bit: 0x und 32 Ziffern, Kleinbuchstaben.",
  "CHAP name: 1 to 64 letters, digits, dots, colons, hyphens and underscores; not NULL at the start.":
    "CHAP-Name: 1 bis 64 Buchstaben, Ziffern, Punkte, Doppelpunkte, Bindestriche und Unterstriche; nicht NULL am Anfang.",
  "CHAP password: 12 to 64 printable ASCII characters without spaces; not NULL at the start.":
    "CHAP-Passwort: 12 bis 64 druckbare ASCII-Zeichen ohne Leerzeichen; nicht NULL am Anfang.",
  "Certificates in PEM.": "Zertifikate in PEM.",
  "Public SSH key, a line as ssh-keygen writes it: type, key, comment; without options before it.":
    "Öffentlicher SSH-Schlüssel, eine Zeile, wie ssh-keygen sie schreibt: Art, Schlüssel, Kommentar; ohne Optionen davor.",
  "IPv4 address.": "IPv4-Adresse.",
  "IPv4 or IPv6 address, or subnet with prefix length.": "IPv4- oder IPv6-Adresse, oder Subnetz mit Präfixlänge.",
  "How the interface gets its IPv4 address: dhcp, static or none.":
    "Wie die Schnittstelle ihre IPv4-Adresse bekommt: dhcp, static oder none.",
  "Address with prefix length.": "Adresse mit Präfixlänge.",
  "The next router, where there is one.": "Der nächste Router, wo es einen gibt.",
  "Name servers.": "Nameserver.",
  "IPv4 address of a name server.": "IPv4-Adresse eines Nameservers.",
  "Time for the confirmation, seconds.": "Zeit für die Bestätigung, in Sekunden.",
  "ISO 8601.": "Nach ISO 8601.",
  "By JSON Pointer.": "Nach JSON Pointer.",
  "Of the change that is meant; absent: whichever waits.": "Die der gemeinten Änderung; fehlt sie: die, die wartet.",
  "A configuration document; see Config.": "Ein Dokument der Konfiguration; siehe Config.",
  "PEM: the gateway's own, then those that issued it, in order.":
    "PEM: das des Gateways selbst, dann die seiner Aussteller, der Reihe nach.",
  "PEM, without a passphrase.": "PEM, ohne Passphrase.",
  "Letters, digits, dot, hyphen and underscore.": "Buchstaben, Ziffern, Punkt, Bindestrich und Unterstrich.",
  "read: look at everything but secrets. operate: also do what changes no setting. admin: everything.":
    "read: alles außer Geheimnissen ansehen. operate: auch tun, was keine Einstellung ändert. admin: alles.",
  "At least twelve characters.": "Mindestens zwölf Zeichen.",
  "A JSON merge patch (RFC 7396).": "Ein JSON Merge Patch (RFC 7396).",
  "Requests.": "Anfragen.",
  "So that it is no accident.": "Damit es kein Versehen ist.",
  "What the console shows.": "Was die Konsole zeigt.",
  "At most.": "Höchstens.",
  "At most, bytes.": "Höchstens, in Bytes.",
  "Also its name in the segment's DNS. Null: the one that it tells.":
    "Auch ihr Name im DNS des Segments. Null: der, den sie nennt.",
  "The IPv4 address that it always gets by DHCP. Null: any that is free.":
    "Die IPv4-Adresse, die sie durch DHCP immer bekommt. Null: irgendeine freie.",
  "block: nothing gets through from it, or to it.": "block: Nichts kommt von ihr oder zu ihr durch.",
  "Name that its settings go by from now on: its provenInitiator. Null: they go by its address.":
    "Name, nach dem ihre Einstellungen von jetzt an gelten: ihr provenInitiator. Null: Sie gelten nach ihrer Adresse.",
  "What is absent stays.": "Was fehlt, bleibt.",
  "Of each direction.": "Je Richtung.",
  "At once.": "Zur selben Zeit.",
  "Also where it is not newer than what runs.": "Auch wenn es nicht neuer ist als das, was läuft.",
  "Restart into it when it is written.": "Damit neu starten, wenn es geschrieben ist.",
  "Of a bundle, http:// or https://.": "Die einer Update-Datei, http:// oder https://.",
};
