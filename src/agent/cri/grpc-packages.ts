/**
 * The packages of gRPC under one roof, for who loads them late: `await import('…/grpc-packages.ts')`. They are CommonJS, whose names a bundle that is
 * split knows only where they are imported by a statement.
 */
export * as grpc from '@grpc/grpc-js';
export * as loader from '@grpc/proto-loader';
