/** `apiserver_watch_events_total`: the events that go to watches from outside this process. */
import type { MetricRegistry } from '../../lib/metrics.ts';
import type { RequestHandler, WatchEvent, WatchSink } from '../../registry/request.ts';

/** `handler`, whose watches are counted; a watch looks its number up once, an event costs an addition. */
export function withWatchMetrics(handler: RequestHandler, registry: MetricRegistry): RequestHandler {
  const events = registry.counter({
    name: 'apiserver_watch_events_total',
    help: 'Events sent to watches.',
    labels: ['group', 'version', 'resource'],
  });
  const counted = (sink: WatchSink, ...labels: readonly string[]): WatchSink => {
    const series = events.with(...labels);
    return {
      event: (event: WatchEvent) => {
        series.add();
        sink.event(event);
      },
      end: () => sink.end(),
    };
  };
  return {
    get: (target, options) => handler.get(target, options),
    list: (target, options) => handler.list(target, options),
    watch: (target, options, sink) => {
      const { group, version, resource } = target.resource;
      return handler.watch(target, options, counted(sink, group, version, resource));
    },
    create: (target, body, options) => handler.create(target, body, options),
    update: (target, body, options) => handler.update(target, body, options),
    patch: (target, type, patch, options) => handler.patch(target, type, patch, options),
    delete: (target, options) => handler.delete(target, options),
    deleteCollection: (target, list, options) => handler.deleteCollection(target, list, options),
    connect: (target, options, more) => handler.connect(target, options, more),
  };
}
