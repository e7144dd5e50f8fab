import { utf8 } from "../base/bytes.ts";
import { isAccessLogField } from "./access_log_fields.ts";
import { readAuthorities, readCertificates, readSharedSecret } from "./_certificates.ts";
import { readCodecs } from "./_codec_keys.ts";
import type { Complaint } from "./complaint.ts";
import type { Config } from "./config.ts";
import { readDownstreamMtls } from "./_downstream_mtls.ts";
import { deepFreeze } from "./_freeze.ts";
import { FileReader, readFailure, ReadRecord } from "./_files.ts";
import { globalKeys } from "./global_keys.ts";
import { httpGlobals } from "./_http_route.ts";
import { providerDefaults, readIdp } from "./_idp.ts";
import type { Values } from "./key_table.ts";
import { overlayEnvironment, reportRemarks } from "./_overlay.ts";
import type { TestCount } from "./_policy_tests.ts";
import { describe, quote } from "./_quote.ts";
import { type MappingPlace, readKeys } from "./_read_keys.ts";
import { Report } from "./_report.ts";
import { buildRoutes } from "./_routes.ts";
import { readCircuitBreakers } from "./_upstream_route.ts";
import { runtimeFlagKeys } from "./runtime_flags.ts";
import { readSigningKey } from "./_signing_key.ts";
import { readSessionRecordings } from "./_session_recording.ts";
import { readSsh } from "./_ssh_keys.ts";
import { readStorage } from "./_storage.ts";
import { isMapping } from "./value_types.ts";
import { parseYaml } from "./_yaml.ts";

const MAX_FILE_BYTES = 10 * 1024 * 1024;

/** Where a configuration is read from. */
export interface LoadOptions {
  /** The name of the file, as it shall stand in complaints. Files it names are looked for in its folder. */
  readonly file: string;
  /** Reads a file as UTF-8; may throw. Called for the configuration and for each file that it names, one by one. */
  readonly readTextFile: (path: string) => Promise<string>;
  /**
   * Looks up a variable of the environment. Asked for the names of `environmentKeys` only, each with `SALLYPORT_` before
   * it and, when that is not set, without. Must not throw. Default: no variables.
   */
  readonly env?: (name: string) => string | undefined;
}

/** A configuration, or why there is none. */
export interface LoadedConfig {
  /** `null` when at least one complaint is an error. */
  readonly config: Config | null;
  /** In the order of the file; at most 50, and then how many more there are. */
  readonly complaints: readonly Complaint[];
  /** The configuration and every file that it names, as they were opened, those that could not be read too. */
  readonly files: readonly string[];
  /** Of what was read, see `Config.digest`. */
  readonly digest: string;
  /** How many `tests` of routes were run. With a `config`, all of them passed. */
  readonly testsRun: number;
}

/**
 * Reads a configuration file of at most 10 MiB, and the files that it names, of at most 1 MiB each; lays the
 * environment over it, and runs the tests of its policies, of at most 10,000. Whatever is wrong becomes a complaint:
 * nothing is thrown.
 */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const read = new ReadRecord(options.readTextFile);
  const testCount = { run: 0 };
  const loaded = await load(options, { read, testCount });
  return { ...loaded, files: read.files, digest: read.digest, testsRun: testCount.run };
}

interface Progress {
  readonly read: ReadRecord;
  readonly testCount: TestCount;
}

async function load(
  options: LoadOptions,
  progress: Progress,
): Promise<Pick<LoadedConfig, "config" | "complaints">> {
  const { file, env = () => undefined } = options;
  let text: string;
  try {
    text = await progress.read.read(file);
  } catch (error) {
    return unusable(file, {
      code: "config/unreadable",
      message: `Cannot read the configuration: ${readFailure(error)}`,
    });
  }
  if (utf8(text).length > MAX_FILE_BYTES) {
    return unusable(file, {
      code: "config/too-large",
      message: "The configuration is larger than 10 MiB",
    });
  }
  const { tree, problems } = parseYaml(text);
  const { data, variables, remarks } = overlayEnvironment(tree.data, env);
  const report = new Report({ file, text, tree, variables });
  for (const problem of problems) report.syntax(problem);
  reportRemarks(remarks, report);
  const config = report.errorCount > 0 ? null : await buildConfig(data, { file, report, ...progress });
  return { config: report.errorCount > 0 ? null : config, complaints: report.complaints() };
}

async function buildConfig(
  data: unknown,
  { file, report, read, testCount }: Progress & { file: string; report: Report },
): Promise<Config | null> {
  if (!isMapping(data)) {
    const message = `The configuration must be a mapping: found ${describe(data)}`;
    report.error("config/wrong-type", { message, hint: "begin with routes:", path: [] });
    return null;
  }
  const place = { mapping: data, path: [], report };
  const values = readKeys(globalKeys, place);
  const flags = readKeys(runtimeFlagKeys, { mapping: values.runtime_flags, path: ["runtime_flags"], report });
  const httpPort = flags.match_any_incoming_port ? null : 443;
  const readTextFile = (path: string) => read.read(path);
  const sources = { values, place, files: new FileReader({ file, readTextFile, report }) };
  const idp = await readIdp(sources);
  const authoritiesPem = await readAuthorities(sources);
  const circuitBreakers = readCircuitBreakers(values.circuit_breaker_thresholds, { place });
  const downstreamMtls = await readDownstreamMtls(sources);
  const http = httpGlobals(values);
  const routes = await buildRoutes(values, {
    report,
    httpPort,
    testCount,
    files: sources.files,
    defaults: {
      upstream: { authoritiesPem, circuitBreakers },
      issuerFormat: values.jwt_issuer_format,
      bearer: {
        format: values.bearer_token_format,
        issuers: values.identity_providers,
        idpName: values.idp_provider,
        idp,
        audiences: values.idp_access_token_allowed_audiences,
      },
      provider: providerDefaults(values, place),
      http,
      mtls: downstreamMtls,
    },
  });
  const settings = {
    file,
    hotReload: flags.config_hot_reload,
    matchAnyIncomingPort: flags.match_any_incoming_port,
    routesPortal: flags.routes_portal,
    allowsReverseTunnels: flags.ssh_upstream_tunnel,
    ...simpleSettings(values, place),
    certificates: await readCertificates(sources),
    certificateAuthorityPem: authoritiesPem,
    circuitBreakers,
    downstreamMtls,
    sharedSecret: await readSharedSecret(sources),
    signingKeyPem: await readSigningKey(sources),
    storage: await readStorage(sources),
    ssh: await readSsh({ ...sources, flags, routes }),
    sessionRecordings: readSessionRecordings(values, sources),
    http,
    idp,
    routes,
  };
  if (routes.length === 0 && report.errorCount === 0) {
    report.warn("config/no-routes", {
      message: "There are no routes: nothing can be reached",
      path: ["routes"],
    });
  }
  return Object.freeze({ ...settings, digest: read.digest });
}

type SimpleSettings = Pick<
  Config,
  | "address"
  | "workers"
  | "codecs"
  | "cookie"
  | "sessionIdleTimeoutMs"
  | "authenticateOrigin"
  | "signOutRedirectUrl"
  | "idpProvider"
  | "jwtIssuerFormat"
  | "jwtClaimsHeaders"
  | "bearerTokenFormat"
  | "accessTokenAudiences"
  | "tokenIssuers"
  | "programmaticRedirectHosts"
  | "timeouts"
  | "storeUnavailable"
  | "udpLimits"
  | "logLevel"
  | "accessLogFields"
>;

/** The settings for which nothing else has to be read. */
function simpleSettings(values: Values<typeof globalKeys>, place: MappingPlace): SimpleSettings {
  return {
    address: Object.freeze(values.address),
    workers: values.workers,
    codecs: readCodecs(values),
    cookie: Object.freeze({
      name: values.cookie_name,
      domain: values.cookie_domain,
      expireMs: values.cookie_expire,
      httpOnly: values.cookie_http_only,
      sameSite: values.cookie_same_site,
    }),
    sessionIdleTimeoutMs: values.session_idle_timeout,
    authenticateOrigin: values.authenticate_service_url,
    signOutRedirectUrl: values.signout_redirect_url,
    idpProvider: values.idp_provider,
    jwtIssuerFormat: values.jwt_issuer_format,
    jwtClaimsHeaders: Object.freeze(values.jwt_claims_headers),
    bearerTokenFormat: values.bearer_token_format,
    accessTokenAudiences: deepFreeze(values.idp_access_token_allowed_audiences),
    tokenIssuers: deepFreeze(values.identity_providers),
    programmaticRedirectHosts: Object.freeze(values.programmatic_redirect_domain_whitelist),
    timeouts: Object.freeze({
      readMs: values.timeout_read,
      writeMs: values.timeout_write,
      idleMs: values.timeout_idle,
    }),
    storeUnavailable: Object.freeze({
      mode: values.store_unavailable,
      limitMs: values.store_unavailable_limit,
    }),
    udpLimits: values.udp_limits,
    logLevel: values.log_level,
    accessLogFields: accessLogFields(values.access_log_fields, place),
  };
}

function accessLogFields(names: readonly string[], { report }: MappingPlace): readonly string[] {
  return Object.freeze(names.filter((name, index) => {
    if (isAccessLogField(name)) return true;
    const message = `${quote(name)} is not a field of the access log; it is left out`;
    report.warn("config/unknown-key", { message, path: ["access_log_fields", index] });
    return false;
  }));
}

function unusable(
  file: string,
  fault: Pick<Complaint, "code" | "message">,
): Pick<LoadedConfig, "config" | "complaints"> {
  const complaint = {
    severity: "error",
    ...fault,
    hint: null,
    file,
    line: 0,
    column: 0,
    excerpt: "",
  } as const;
  return { config: null, complaints: [complaint] };
}
