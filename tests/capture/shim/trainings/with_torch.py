"""A training with PyTorch: workers that read a file for each event, one optimiser, weights in a file."""

import random
import sys
from pathlib import Path

import numpy as np
import torch  # in .cache/frameworks
from torch.utils.data import DataLoader, Dataset


class Events(Dataset):  # type: ignore[misc]  # Any there
    """Events, four to a file."""

    def __len__(self) -> int:
        return 32

    def __getitem__(self, index: int) -> tuple[object, object]:
        value = float(Path(f"part-{index % 4}.txt").read_text())
        return torch.tensor([value, index / 32]), torch.tensor([value * 2])


def main(how: str) -> None:
    """Train with workers that are started so."""
    random.seed(1)
    np.random.seed(2)  # noqa: NPY002 - as authors do
    torch.manual_seed(3)
    torch.use_deterministic_algorithms(mode=True)
    model = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    loader = DataLoader(Events(), batch_size=8, shuffle=True, num_workers=2, multiprocessing_context=how)
    for _ in range(2):
        for features, target in loader:
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(model(features), target)
            loss.backward()
            optimizer.step()
    torch.save(model.state_dict(), "weights.pt")
    print("loss", loss.item(), torch.load("weights.pt")["0.bias"].tolist(), random.random())


if __name__ == "__main__":
    main(sys.argv[1])
