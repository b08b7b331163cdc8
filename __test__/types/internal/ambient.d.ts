// What lib/ uses of Node and of others that their types do not know.

type Addon = typeof import('../../../src/addon');

declare module 'layer-api-darwin-arm64' {
  const addon: Addon;
  export = addon;
}
declare module 'layer-api-darwin-x64' {
  const addon: Addon;
  export = addon;
}
declare module 'layer-api-linux-arm64-gnu' {
  const addon: Addon;
  export = addon;
}
declare module 'layer-api-linux-arm64-musl' {
  const addon: Addon;
  export = addon;
}
declare module 'layer-api-linux-x64-gnu' {
  const addon: Addon;
  export = addon;
}
declare module 'layer-api-linux-x64-musl' {
  const addon: Addon;
  export = addon;
}
declare module 'layer-api-win32-arm64-msvc' {
  const addon: Addon;
  export = addon;
}
declare module 'layer-api-win32-x64-msvc' {
  const addon: Addon;
  export = addon;
}

/** Defined in a release, which scripts/bundle.mjs makes. */
declare const LAYER_API_IS_PACKAGED: true | undefined;

declare namespace NodeJS {
  interface Process {
    /** Names of the modules that are loaded, such as `NativeModule https`; undocumented. */
    moduleLoadList?: string[];
    domain: import('node:domain').Domain | null | undefined;
  }
  interface ProcessReport {
    excludeNetwork: boolean;
  }
}

declare module 'tls' {
  /** From Node.js 22.15 on. */
  const getCACertificates: undefined | ((type: 'system') => string[]);
}
