import { Sailboat } from 'lucide-react';
import { useState } from 'react';
import { useLocation } from 'wouter';
import type { SystemInfo } from '../../shared/engine/engine-api.ts';
import { EngineError } from '../../shared/errors.ts';
import { useApp } from '../app/context.tsx';
import { type EngineClient, query } from '../engine/engine-client.ts';
import { tellFailure } from '../ui/toasts.ts';
import { SAMPLE_IMAGE, sampleArchive } from './sample-image.ts';

/** Makes the sample's image and a container of it, started; answers its id. Throws the engine's refusal. */
async function runSample(engine: EngineClient): Promise<string> {
  const { Architecture } = await engine.get<SystemInfo>('/info');
  if (Architecture !== 'x86_64')
    throw new EngineError('notImplemented', `the sample is not made for ${Architecture} yet`);
  await engine.upload('/images/load?quiet=1', await sampleArchive());
  const { Id } = await engine.json<{ Id: string }>(
    'POST',
    `/containers/create${query({ name: 'sample' })}`,
    { Image: SAMPLE_IMAGE },
  );
  await engine.post(`/containers/${Id}/start`);
  return Id;
}

/** A first container one click away, without the internet. */
export function SampleButton() {
  const { engine } = useApp();
  const [, navigate] = useLocation();
  const [isBusy, setIsBusy] = useState(false);
  const run = async (): Promise<void> => {
    setIsBusy(true);
    try {
      navigate(`/containers/${await runSample(engine)}`);
    } finally {
      setIsBusy(false);
    }
  };
  return (
    <button type="button" disabled={isBusy} onClick={() => tellFailure(run())}>
      <Sailboat size={16} aria-hidden /> Run a sample, no internet needed
    </button>
  );
}
