/** The icon of all pages (SVG): a gate in a wall. */
export const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<path fill="#0b6e5f" d="M2 6h5v4h4V6h10v4h4V6h5v24h-8v-7a6 6 0 0 0-12 0v7H2z"/>
</svg>
`;
