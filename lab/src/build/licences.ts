// SPDX-License-Identifier: Apache-2.0
// What Debian's copyright files say, as names of licences: SPDX's where there is one.
import { SPDX } from "@cyclonedx/cyclonedx-library";

/** Debian's short names that are spelt otherwise in SPDX's list. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  expat: "MIT",
  "mit/x11": "X11",
  "apache-2": "Apache-2.0",
  "openldap-2.8": "OLDAP-2.8",
};

/** SPDX's identifier of a licence, or undefined: what is left has no identifier, or its text decides. */
export function spdxId(name: string): string | undefined {
  const gnu = /^([AL]?GPL|GFDL)-(?:v)?(\d)(?:\.(\d))?(\+|-only|-or-later)?$/i.exec(name);
  if (gnu !== null) {
    const [, family = "", major = "", minor = "0", suffix = ""] = gnu;
    const later = suffix === "+" || suffix.toLowerCase() === "-or-later";
    return SPDX.fixupSpdxId(`${family.toUpperCase()}-${major}.${minor}-${later ? "or-later" : "only"}`);
  }
  return SPDX.fixupSpdxId(OTHER_NAMES[name.toLowerCase()] ?? name);
}

/** Licences named in a copyright file: its "License:" fields, or, in a file without fields, the common licences it refers to. */
export function licencesIn(copyright: string): string[] {
  const names = new Set<string>();
  if (/^Format:/m.test(copyright)) {
    for (const [, value = ""] of copyright.matchAll(/^License:[ \t]*(\S.*)$/gm)) {
      for (const name of value.split(/\s*,?\s+(?:and|or)\s+|\s*[,|]\s*/i)) names.add(name.trim());
    }
  } else {
    for (const [, name = ""] of copyright.matchAll(/\/usr\/share\/common-licenses\/([A-Za-z0-9.-]*[A-Za-z0-9])/g)) {
      names.add(name);
    }
  }
  names.delete("");
  return [...new Set([...names].map((name) => spdxId(name) ?? name))].sort();
}

/** The common licences whose text a copyright file leaves to Debian's base-files. */
export function commonLicencesIn(copyright: string): string[] {
  const found = copyright.matchAll(/\/usr\/share\/common-licenses\/([A-Za-z0-9.-]*[A-Za-z0-9])/g);
  return [...new Set([...found].map(([, name = ""]) => name))].sort();
}
