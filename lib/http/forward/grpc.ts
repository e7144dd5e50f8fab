/** Whether a request is of gRPC, which asks for HTTP/2 all the way; gRPC-Web does not. */
export function isGrpc(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/grpc(?:[+;]|$)/i.test(contentType);
}

/** The status of gRPC for one of HTTP: what gRPC says of answers that do not come from a server of it. */
export function grpcStatusOf(status: number): number {
  switch (status) {
    case 400:
      return 13;
    case 302:
    case 401:
      return 16;
    case 403:
    case 450:
    case 495:
      return 7;
    case 404:
    case 405:
      return 12;
    case 504:
      return 4;
    case 429:
    case 503:
      return 14;
    default:
      return status >= 500 ? 13 : 2;
  }
}
