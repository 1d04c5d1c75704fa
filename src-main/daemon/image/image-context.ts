/** What the image room's verbs work with. */
import { notFound } from '../../../shared/errors.ts';
import { formatPlatform, satisfiesPlatform } from '../distribution/platform.ts';
import { familiarString, parseAnyReference, withDefaultTag } from '../distribution/reference.ts';
import type { EventBus } from '../event/event-bus.ts';
import type { LayerStore } from '../layer/layer-store.ts';
import type { Log } from '../log/log.ts';
import type { Image, ImageUsers, Platform } from './image-service.ts';
import type { ImageStore } from './image-store.ts';
import type { ReferenceStore } from './reference-store.ts';

export interface ImageContext {
  readonly images: ImageStore;
  readonly references: ReferenceStore;
  readonly layers: LayerStore;
  readonly events: Pick<EventBus, 'publish'>;
  readonly log: Log;
  /** For archives under way; its content is worthless after a restart. */
  readonly temporaryDirectory: string;
  users(): ImageUsers;
}

/** Publishes an image event with the image's labels and the name it is about. */
export function publishImageEvent(
  context: ImageContext,
  action: string,
  id: string,
  name: string = id,
): void {
  const labels = findImage(context, id)?.config.config?.Labels ?? {};
  context.events.publish('image', action, { id, attributes: { ...labels, name } });
}

/** By name, id or unique id prefix. Throws invalidArgument for what is neither. */
export function findImage(context: ImageContext, text: string): Image | undefined {
  const { images, references } = context;
  const any = parseAnyReference(text);
  if (any.kind === 'id') return images.get(any.digest);
  const byName = images.get(references.get(any.reference) ?? '');
  return byName ?? images.get(images.search(text) ?? '');
}

/** As findImage, but throws notFound in Docker's words, also when the platform does not fit. */
export function resolveImage(context: ImageContext, text: string, platform?: Platform): Image {
  const image = findImage(context, text);
  if (!image) {
    const any = parseAnyReference(text);
    const name = any.kind === 'id' ? any.digest : familiarString(withDefaultTag(any.reference));
    throw notFound(`No such image: ${name}`);
  }
  if (platform && !satisfiesPlatform(platform, image.config)) {
    throw notFound(
      `image with reference ${text} was found but does not match the specified platform: wanted ${formatPlatform(platform)}, actual: ${formatPlatform(image.config)}`,
    );
  }
  return image;
}
