/** Style of every table on a terminal: a frame, no lines between rows, no colours. */
export const plain = { chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }, style: { head: [], border: [] } };
