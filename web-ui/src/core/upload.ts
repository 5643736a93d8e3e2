// SPDX-License-Identifier: Apache-2.0
/** Sends a file as it is, with progress: fetch tells none of what it sends. */
import { strings } from "../strings.ts";
import { ApiError, toProblem } from "./api.ts";
import { session } from "./store.ts";

export interface Upload<T> {
  done: Promise<T>;
  cancel: () => void;
}

/** @param onProgress gets bytes; done is rejected with an ApiError */
export function upload<T>(path: string, file: File, onProgress: (bytes: number) => void): Upload<T> {
  const request = new XMLHttpRequest();
  const done = new Promise<T>((resolve, reject) => {
    const fail = () => reject(new ApiError({ ...strings.noAnswer, errors: [] }));
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onerror = fail;
    request.onabort = () => reject(new ApiError({ ...strings.update.cancelled, errors: [] }));
    request.onload = () => {
      let content: unknown;
      try {
        content = JSON.parse(request.responseText);
      } catch {
        return fail();
      }
      if (request.status < 300) resolve(content as T);
      else reject(new ApiError(toProblem(content, request.status)));
    };
  });
  request.open("POST", path);
  request.setRequestHeader("Content-Type", "application/octet-stream");
  const token = session.value?.csrfToken;
  if (token) request.setRequestHeader("X-CSRF-Token", token);
  request.send(file);
  return { done, cancel: () => request.abort() };
}
