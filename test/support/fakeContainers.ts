export class FakeContainers {
  activities(): object {
    return {};
  }
}
