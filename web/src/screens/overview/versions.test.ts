import { expect, it } from "vitest";

import { distribution } from "./versions";

it("shows the most frequent versions of each component and sums up the rest", () => {
  const facet = [
    { value: "app 2.0", count: 8 },
    { value: "firmware 7", count: 4 },
    { value: "app 1.0 beta", count: 2 },
    { value: "app 0.9", count: 1 },
    { value: "app 0.8", count: 1 },
    { value: "nothing", count: 1 },
    { value: "Firmware\u00a0for\u00a0Pump 1.0 beta", count: 1 },
  ];
  expect(distribution(facet, 2)).toEqual([
    {
      component: "app",
      shares: [
        { running: "app 2.0", version: "2.0", count: 8, part: 1 },
        { running: "app 1.0 beta", version: "1.0 beta", count: 2, part: 0.25 },
      ],
      others: 2,
    },
    {
      component: "firmware",
      shares: [{ running: "firmware 7", version: "7", count: 4, part: 1 }],
      others: 0,
    },
    {
      component: "Firmware for Pump",
      shares: [{ running: "Firmware\u00a0for\u00a0Pump 1.0 beta", version: "1.0 beta", count: 1, part: 1 }],
      others: 0,
    },
  ]);
  expect(distribution([], 2)).toEqual([]);
});
