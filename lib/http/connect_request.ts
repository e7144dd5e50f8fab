/** A CONNECT or an extended CONNECT as a web `Request`, which the platform's constructor refuses to make. */
export class ConnectRequest extends Request {
  /**
   * A request without a body.
   *
   * @param headers as received, without pseudo-headers
   * @param url of an extended CONNECT (RFC 8441 section 4). Default a placeholder: the target of a CONNECT stands in the
   *   bindings, because not every target that a client can send fits into a URL
   */
  constructor(headers: Headers, url: string = "https://connect.invalid/") {
    super(url, { headers });
  }

  /** Always `CONNECT`. */
  override get method(): string {
    return "CONNECT";
  }
}
