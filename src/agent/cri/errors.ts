/** gRPC's status codes, and what the agent makes of them. */
import { RuntimeError } from '../runtime.ts';

/** The codes that naru tells apart (google.rpc.Code). */
export const grpcCode = {
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  unimplemented: 12,
  unavailable: 14,
} as const;

/** The shape of grpc-js's `ServiceError`. Its `message` is `details` with the code's number and name in front. */
interface GrpcError extends Error {
  readonly code: number;
  readonly details: string;
}

export function isGrpcError(error: unknown): error is GrpcError {
  return error instanceof Error && typeof (error as Partial<GrpcError>).code === 'number' && 'details' in error;
}

/** The runtime's own words, without gRPC's prefix: users see them in events and container statuses. */
export function toRuntimeError(error: unknown): RuntimeError {
  if (error instanceof RuntimeError) return error;
  if (!isGrpcError(error)) return new RuntimeError('failed', String(error), { cause: error });
  return new RuntimeError(kindOf(error), wordsOf(error), { cause: error });
}

/** grpc-js's own errors name durations and its inner parts, each time different ones: nobody could read or compare them. */
function wordsOf({ details }: GrpcError): string {
  if (details.startsWith('Deadline exceeded after ')) return 'the container runtime did not answer in time';
  const refused = /^No connection established\. Last error: (?:Error: )?(.*?)\.?( Resolution note: .*)?$/s.exec(
    details,
  );
  return refused === null ? details : `the container runtime cannot be reached: ${refused[1]}`;
}

function kindOf(error: GrpcError): RuntimeError['kind'] {
  switch (error.code) {
    case grpcCode.notFound:
      return 'not-found';
    case grpcCode.cancelled:
    case grpcCode.unavailable:
    // containerd answers, and its CRI plugin is not loaded (yet).
    case grpcCode.unimplemented:
      return 'unavailable';
    case grpcCode.deadlineExceeded:
      return 'timeout';
    // containerd gives a bad image name no code of its own: the text is all there is.
    case grpcCode.unknown:
    case grpcCode.invalidArgument:
      return /invalid reference format|repository name must be (lowercase|canonical)/.test(error.details)
        ? 'invalid-image-name'
        : 'failed';
    default:
      return 'failed';
  }
}
