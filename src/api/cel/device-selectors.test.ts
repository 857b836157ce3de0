import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Device } from '../schema/types/resource-v1.ts';
import { compileDeviceSelector } from './device-selectors.ts';

const driver = 'gpu.example.com';
const device: Device = {
  name: 'gpu-0',
  attributes: {
    model: { string: 'a100' },
    cores: { int: 8 },
    fast: { bool: true },
    driverVersion: { version: '1.10.0' },
    'other.example.com/numa': { int: 1 },
  },
  capacity: { memory: { value: '40Gi' }, 'other.example.com/slots': { value: '4' } },
};

function outcome(expression: string, of: Device = device): boolean | string {
  const compiled = compileDeviceSelector(expression);
  if (compiled.kind === 'error') return compiled.message;
  const result = compiled.match(driver, of);
  return 'error' in result ? result.error : result.matches;
}

test('expressions see what a device is, by driver, attribute and capacity', () => {
  const rows: readonly (readonly [string, boolean])[] = [
    ['true', true],
    ['device.driver == "gpu.example.com"', true],
    ['device.driver == "nic.example.com"', false],
    ['device.attributes["gpu.example.com"].model == "a100"', true],
    ['device.attributes["gpu.example.com"].model.startsWith("h")', false],
    ['device.attributes["gpu.example.com"].cores >= 8', true],
    ['device.attributes["gpu.example.com"].fast', true],
    ['device.attributes["other.example.com"].numa == 1', true],
    ['device.attributes["gpu.example.com"].driverVersion.isGreaterThan(semver("1.9.0"))', true],
    ['device.attributes["gpu.example.com"].driverVersion.compareTo(semver("v1.10", true)) == 0', true],
    ['device.attributes["gpu.example.com"].driverVersion == semver("1.10.0+built")', true],
    ['device.attributes["gpu.example.com"].driverVersion.minor() == 10', true],
    ['device.capacity["gpu.example.com"].memory.compareTo(quantity("40Gi")) >= 0', true],
    ['device.capacity["gpu.example.com"].memory == quantity("40960Mi")', true],
    ['device.capacity["gpu.example.com"].memory.sub(quantity("30Gi")).isLessThan(quantity("10Gi"))', false],
    ['device.capacity["other.example.com"].slots.asInteger() == 4', true],
    ['device.allowMultipleAllocations == false', true],
    ['cel.bind(gpu, device.attributes["gpu.example.com"], gpu.cores > 4 && gpu.fast)', true],
    ['device.attributes["gpu.example.com"].?nothing.orValue(false)', false],
    ['has(device.attributes["gpu.example.com"].model)', true],
    ['has(device.attributes["gpu.example.com"].nothing)', false],
    ['has(device.attributes["none.example.com"].model)', false],
    ['"model" in device.attributes["gpu.example.com"]', true],
    ['"gpu.example.com" in device.attributes', true],
    ['"none.example.com" in device.attributes', false],
    ['size(device.attributes) == 2 && device.capacity.size() == 2', true],
    ['device.attributes.exists(domain, device.attributes[domain].?numa.orValue(0) == 1)', true],
    ['device.attributes["gpu.example.com"].all(key, key != "none")', true],
    ['cel.bind(all, device.attributes, "gpu.example.com" in all && !("none.example.com" in all))', true],
    ['device.attributes["gpu.example.com"].model in ["h100", "a100"]', true],
    [
      'isSemver("1.2.3") && !isSemver("v1.2") && isSemver("v1.2", true) && isQuantity("1Gi") && !isQuantity("1,3G")',
      true,
    ],
  ];
  for (const [expression, matches] of rows) assert.equal(outcome(expression), matches, expression);
});

test('what a device lacks, and what is no question, is told', () => {
  const rows: readonly (readonly [string, RegExp])[] = [
    ['device.attributes["none.example.com"].model == "x"', /^no such key: model$/],
    ['device.attributes["gpu.example.com"].none', /^no such key: none$/],
    ['device.attributes["gpu.example.com"].cores', /could not be converted to bool/],
    ['semver("one") == semver("1.0.0")', /^No Major\.Minor\.Patch elements found$/],
    ['?!', /^compilation failed: ERROR: .*Syntax error/s],
    ['1', /^must evaluate to bool or the unknown type, not int$/],
    ['device.nothing', /^compilation failed: /],
    ['device.attributes["gpu.example.com"].cores == quantity("x").asInteger()', /quantities must match/],
  ];
  for (const [expression, message] of rows) {
    const told = outcome(expression);
    assert.match(String(told), message, expression);
  }
});
