// SPDX-License-Identifier: Apache-2.0
/** The choice of the page's language. The page starts anew in it, so that it waits for what is being edited. */
import { draft } from "../core/configuration.ts";
import { LANGUAGES, type Language, language, speak, strings } from "../strings.ts";

const NAMES = Object.entries(LANGUAGES) as [Language, string][];

export function LanguageChoice() {
  const editing = draft.value !== undefined;
  return (
    <label class="language" title={editing ? strings.language.kept : undefined}>
      {strings.language.label}{" "}
      <select
        value={language}
        disabled={editing}
        data-testid="language"
        onChange={({ currentTarget }) => speak(currentTarget.value as Language)}
      >
        {NAMES.map(([name, words]) => (
          <option key={name} value={name} lang={name}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}
