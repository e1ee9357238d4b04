/** What a package expects that was made for browsers. Import it first. */
globalThis.self ??= globalThis
